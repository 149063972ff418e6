"""Files on their way into a container and out of it: tar archives, read without trusting them."""

import gzip
import io
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath


def pack_files(folder: str, files: Sequence[tuple[str, bytes]]) -> bytes:
    """Return an archive of files below `folder`, to be unpacked at the root; everybody may write there."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        root = PurePosixPath(folder.lstrip("/"))
        folders = {root, *(root / PurePosixPath(name).parent for name, _ in files)}
        for each in sorted(folders):
            entry = tarfile.TarInfo(str(each))
            entry.type, entry.mode = tarfile.DIRTYPE, 0o777
            archive.addfile(entry)
        for name, content in files:
            entry = tarfile.TarInfo(str(root / name))
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def chain_archives(archives: Iterable[Path]) -> Iterator[bytes]:
    """Yield one compressed archive: those of files that have no end, one after the other, then the end."""
    for path in archives:
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                yield block
    yield gzip.compress(bytes(2 * tarfile.BLOCKSIZE))


def unpack_stream(chunks: Iterable[bytes], target: Path) -> None:
    """Put the plain files of an archived folder directly into `target`, by their own names; nothing else is taken."""
    target.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=_Stream(iter(chunks)), mode="r|") as archive:
        for entry in archive:
            content = archive.extractfile(entry) if entry.isfile() else None
            if content is not None:
                partial = target / f".{PurePosixPath(entry.name).name}.partial"
                with partial.open("wb") as stream:
                    while block := content.read(1 << 20):
                        stream.write(block)
                partial.replace(target / PurePosixPath(entry.name).name)


class _Stream(io.RawIOBase):
    """A file over chunks, for tarfile's streaming mode."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while size < 0 or len(self._rest) < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            self._rest += chunk
        size = len(self._rest) if size < 0 else size
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken
