"""Removes what is kept for a project; whatever used it has ended before."""

import shutil

from mwaa_local.errors import RuntimeStateError
from mwaa_local.runtime.database_user import remove_data
from mwaa_local.runtime.state import StateFolder


def remove_state(folder: StateFolder) -> None:
    """Remove a state folder, and databases that lie outside of it; RuntimeStateError where that cannot be."""
    remove_data(folder.database)
    try:
        shutil.rmtree(folder.root)
    except OSError as error:
        raise RuntimeStateError(
            f"Cannot remove {error.filename or folder.root}: {error.strerror}",
            hint="check who owns the folder, then run `mwaa-local destroy` again",
        ) from error
