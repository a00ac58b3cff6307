"""Makes an ``Architecture`` of a user's code, or says in one line what is wrong with that code."""

from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

from trainer.architectures.architecture import Architecture
from trainer.errors import UsageError
from trainer.hyperparameters import Hyperparameters, Space
from trainer.space_json import space_from_json
from trainer.spelling import nearest
from trainer.user_code import UserModules, UserSource, blame, import_from_folder, import_recorded

if TYPE_CHECKING:
    import keras

#: Keys of an architecture's table in the sweep file that are not hyperparameters.
RESERVED = ("source", "files", "own_seeds")

#: What a sweep file may say of the seeds in a user's code: that they are meant.
OwnSeeds = Literal["keep"]
KEEP: OwnSeeds = "keep"


class UserArchitecture:
    """An architecture whose code is the user's, with the modules that it was imported with.

    Attributes:
        architecture: what the user wrote, ready to build.
        modules: the user's modules; their ``files`` grow as ``build`` imports more.
    """

    def __init__(self, modules: UserModules, file: str, attribute: str, name: str) -> None:
        """Import ``file`` and find ``attribute`` in it.

        Raises:
            UsageError: one line that says what is wrong and in which line of which file.
        """
        self.modules = modules
        try:
            thing = _find(modules.load(file), attribute, file)
            build, space = _parts(thing, f"{file}:{attribute}")
        except UsageError:
            raise
        except (Exception, SystemExit) as error:
            raise UsageError(blame(error, modules.folder, file)) from error

        def build_with_modules(
            hyperparameters: Hyperparameters, input_shape: tuple[int, int, int], classes: int
        ) -> "keras.Model":
            with modules.installed():
                return build(hyperparameters, input_shape, classes)

        self.architecture = Architecture(name=name, build=build_with_modules, space=space)

    @classmethod
    def from_folder(
        cls, folder: Path, file: str, attribute: str, name: str, *, cell: str | None = None
    ) -> "UserArchitecture":
        """Import the architecture from the user's folder, or from a notebook's cell as a file in it."""
        texts = {} if cell is None else {file: cell}
        return cls(import_from_folder(folder, texts), file, attribute, name)

    @classmethod
    def from_source(cls, source: UserSource, name: str, digest: str) -> "UserArchitecture":
        """Import the architecture from its texts alone, if they have that ``digest``."""
        modules = import_recorded(source, name=name, digest=digest)
        return cls(modules, source.main, source.attribute, name)


def load_user(source: UserSource, *, name: str, digest: str) -> Architecture:
    """Return the user's architecture, on any machine, from its texts alone.

    Args:
        source: the texts.
        name: what the sweep calls it: the NAME of its ``[architectures.NAME]`` table.
        digest: what the texts were recorded with.

    Raises:
        Mismatch: if the texts have another digest; none of them was imported then.
        UsageError: one line that says what is wrong and in which line of which file.
    """
    return UserArchitecture.from_source(source, name, digest).architecture


def _find(module: ModuleType, attribute: str, file: str) -> Any:
    """Return the module's ``attribute``."""
    if hasattr(module, attribute):
        return getattr(module, attribute)
    own = [
        name
        for name, thing in vars(module).items()
        if not name.startswith("_")
        and (isinstance(thing, Architecture) or getattr(thing, "__module__", None) == module.__name__)
    ]
    hint = nearest(attribute, own) if own else "it defines nothing that could be one"
    raise UsageError(f"{file} has no {attribute!r}: {hint}")


def _parts(thing: Any, spec: str) -> tuple[Any, Space]:
    """Return the build function and the declared space of the user's function, class or ``Architecture``."""
    kind = thing if isinstance(thing, type) else type(thing)
    if any(base.__module__.partition(".")[0] == "keras" for base in kind.__mro__):
        found = "class" if kind is thing else "object"
        raise UsageError(
            f"{spec} is a Keras {found}: expected a function or a class with "
            "build(hyperparameters, input_shape, classes) that returns a keras.Model"
        )
    if kind is thing and hasattr(thing, "build"):
        thing = thing()
    if callable(getattr(thing, "build", None)):
        return thing.build, _space(getattr(thing, "space", {}), spec)
    if callable(thing) and kind is not thing:
        return thing, {}
    found = "a class" if kind is thing else f"of type {kind.__name__}"
    raise UsageError(
        f"{spec} is {found}: expected a function build(hyperparameters, input_shape, classes), "
        "a class that has it, or an Architecture"
    )


def _space(written: object, spec: str) -> Space:
    """Read the user's space."""
    try:
        space = space_from_json(written)
    except ValueError as error:
        raise UsageError(f"{spec}: space: {error}") from None
    for name in RESERVED:
        if name in space:
            raise UsageError(f"{spec}: space: {name}: the sweep file uses this name for something else")
    return space
