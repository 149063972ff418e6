"""connections, variables, pools: export to files and import from them, without losing a field."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from mwaa_local.cli.airflow_program import find_program
from mwaa_local.cli.look import look, make_commands
from mwaa_local.cli.options import json_option, project_option
from mwaa_local.errors import UsageError
from mwaa_local.runtime.object_files import FileForm, ObjectKind, form_of, parse_entries, render_entries
from mwaa_local.runtime.objects import ImportReceipt, export_objects, import_objects
from mwaa_local.runtime.state import write_private

form_option = click.option(
    "--format",
    "form",
    type=click.Choice([form.value for form in FileForm]),
    help="Form of the file [default: from its name, else json].",
)


def make_group(kind: ObjectKind) -> click.Group:
    """Return the commands of one kind of object."""

    @click.group(name=kind.value, help=f"Import or export {kind}.")
    def group() -> None:
        """Hold import and export."""

    @group.command(
        "export",
        short_help=f"Write all {kind} to a file.",
        help=f"Write all {kind} to FILE (.json, .yaml or .env), or to stdout. {_secrets(kind)}",
    )
    @click.argument("file", required=False, type=click.Path(path_type=Path))
    @project_option
    @form_option
    @click.option("--force", is_flag=True, help="Replace a file that exists.")
    def export_command(file: Path | None, folder: Path, form: str | None, force: bool) -> None:
        chosen = _form(file, form)
        if file is not None and file.exists() and not force:
            raise UsageError(f"{file} exists already.", hint="choose another name, or add --force")
        entries = export_objects(make_commands(), find_program(look(folder)), kind)
        text = render_entries(kind, entries, chosen)
        if file is None:
            click.echo(text, nl=False)
            return
        write_private(file.absolute(), text)
        click.echo(f"{len(entries)} {kind} written to {file}.", err=True)

    @group.command("import", help=f"Create or update {kind} from FILE (- for stdin): all of them, or none.")
    @click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
    @project_option
    @form_option
    @click.option("--keep-existing", is_flag=True, help="Leave those that exist as they are.")
    @json_option
    def import_command(
        file: Path, folder: Path, form: str | None, keep_existing: bool, as_json: bool
    ) -> None:
        source = None if str(file) == "-" else file
        entries = parse_entries(kind, read_text(source), _form(source, form), str(source or "stdin"))
        program = find_program(look(folder))
        receipt = import_objects(make_commands(), program, entries, keep_existing=keep_existing)
        click.echo(json.dumps(asdict(receipt), indent=2) if as_json else render_receipt(kind, receipt))

    return group


def _secrets(kind: ObjectKind) -> str:
    return "Passwords are in it as plain text." if kind is not ObjectKind.POOLS else ""


def _form(file: Path | None, form: str | None) -> FileForm:
    if form is not None:
        return FileForm(form)
    return FileForm.JSON if file is None else form_of(file)


def read_text(file: Path | None) -> str:
    """Return the text of a file, or of stdin; UsageError if it cannot be read."""
    try:
        return sys.stdin.read() if file is None else file.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}.", hint="name a file that you can read") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file or 'stdin'}: not text in UTF-8.", hint="convert it to UTF-8") from error


def render_receipt(kind: ObjectKind, receipt: ImportReceipt) -> str:
    """Return what an import did, a line for each thing done."""
    done = (("Created", receipt.created), ("Updated", receipt.updated), ("Kept as they were", receipt.kept))
    lines = [f"{what}: {', '.join(names)}" for what, names in done if names]
    return "\n".join(lines) or f"No {kind} in the file."


connections_command = make_group(ObjectKind.CONNECTIONS)
variables_command = make_group(ObjectKind.VARIABLES)
pools_command = make_group(ObjectKind.POOLS)
