"""Saving mapping files: as a whole, and only over the text that was read, so that nobody's change is lost silently."""

import os
from pathlib import Path

from connector.domain.errors import ConfigError
from connector.mapping.writing import content_hash


class ConflictError(ConfigError):
    """Somebody else saved the file after it was read."""


def save_mapping(path: Path, text: str, *, seen: str) -> str:
    """Replace a mapping file, and return the hash of its new text. `seen` is the `content_hash` of what was read.

    Raises ConflictError when the file holds something else by now, or is being saved; nothing is changed then.
    """
    draft = path.with_name(f".{path.name}.new")
    try:
        with draft.open("x", encoding="utf-8", newline="") as file:  # also keeps a second writer out
            try:
                _check_unchanged(path, seen)
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            except BaseException:
                draft.unlink()
                raise
    except FileExistsError as error:
        raise ConflictError(f"{path} is being saved by somebody else; if not, remove {draft}") from error
    except OSError as error:
        raise ConfigError(f"cannot save the mapping file {path}: {error.strerror}") from error
    if path.exists():
        draft.chmod(path.stat().st_mode & 0o777)
    draft.replace(path)
    return content_hash(text)


def read_mapping_text(path: Path) -> str:
    """Return the text of a mapping file as it is, line ends included."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return file.read()
    except OSError as error:
        raise ConfigError(f"cannot read the mapping file {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"the mapping file {path} is not UTF-8 text") from error


def _check_unchanged(path: Path, seen: str) -> None:
    held = content_hash(read_mapping_text(path)) if path.exists() else ""
    if held != seen:
        what = f"it is {held} now, {seen or 'no file'} was read" if held else "it is gone"
        raise ConflictError(f"{path} was changed by somebody else meanwhile ({what}); read it again and repeat")
