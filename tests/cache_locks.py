"""The machine's own locks for tests that build environments: those that commands use, without their words."""

from mwaa_local.adapters.locks import held_lock, is_locked
from mwaa_local.runtime.cache_entry import Locks

LOCKS = Locks(lambda path: held_lock(path, on_wait=lambda: None), is_locked)
