"""The published models by name, with the factories that `edgeproof convert` is given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One published model: `framework` says in which of the two files of this folder its factory is."""

    model: str
    framework: str

    @property
    def name(self) -> str:
        """How the tables call it; two of them exist in both frameworks."""
        return f"{self.model} ({self.framework})"

    @property
    def factory(self) -> str:
        """What SOURCE is on the command line."""
        return f"{_HERE / self.framework}_models.py:{self.model}"

    @property
    def samples(self) -> str:
        """What --samples is on the command line."""
        return f"{_HERE / self.framework}_models.py:samples_{self.model}"


ITEMS = (
    *(Item(model=model, framework="torch") for model in ("crepe_tiny", "minilm", "efficientnet_lite0", "silero")),
    *(Item(model=f"mtcnn_{net}", framework="torch") for net in ("pnet", "rnet", "onet")),
    *(Item(model=f"mtcnn_{net}", framework="keras") for net in ("pnet", "rnet", "onet")),
    *(Item(model=model, framework="keras") for model in ("sleep_gru", "fer")),
)


def items_called(names: tuple[str, ...]) -> tuple[Item, ...]:
    """The items of these names ("fer", or "mtcnn_onet (keras)" for one of two); all of them for no name.

    Raises SystemExit for an unknown name.
    """
    unknown = [name for name in names if not any(name in {item.name, item.model} for item in ITEMS)]
    if unknown:
        raise SystemExit(f"no item is called {', '.join(unknown)}; there are: {', '.join(item.name for item in ITEMS)}")
    return tuple(item for item in ITEMS if not names or item.name in names or item.model in names)
