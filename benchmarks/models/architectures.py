"""The architectures by name, with the arguments that `edgeproof convert` is given; nothing here needs a framework."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_TIMM = (
    "resnet18 mobilenetv3_small_100 efficientnet_b0 vit_tiny_patch16_224 convnext_atto regnetx_002 densenet121 "
    "ghostnet_100 mobilevit_xxs xcit_nano_12_p16_224 deit_tiny_patch16_224 poolformer_s12 edgenext_xx_small "
    "mnasnet_100 tinynet_e lcnet_050 repvgg_a0 pit_ti_224 fastvit_t8 levit_128s hardcorenas_a"
).split()
_TRANSFORMERS = "bert distilbert roberta electra mpnet albert xlm-roberta camembert".split()
_KERAS = "MobileNetV2 DenseNet121 ResNet50V2".split()
# Those that convert in seconds have the weights of a second seed as well.
_QUICK = "resnet18 mobilenetv3_small_100 mnasnet_100 tinynet_e lcnet_050 ghostnet_100".split()


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """One architecture with the weights of one seed."""

    name: str
    seed: str
    factory: str

    @property
    def arguments(self) -> tuple[str, ...]:
        """SOURCE and its options for `edgeproof convert`."""
        return (self.factory, "--model-arg", f"name={self.name}", "--model-arg", f"seed={self.seed}")


def architectures() -> Iterator[Architecture]:
    """All of them, one seed after the other."""
    torch, keras = str(_HERE / "torch_architectures.py"), str(_HERE / "keras_architectures.py")
    for name in _TIMM:
        yield Architecture(name=name, seed="1", factory=f"{torch}:timm_model")
    for name in _QUICK:
        yield Architecture(name=name, seed="2", factory=f"{torch}:timm_model")
    for seed in ("1", "2"):
        for name in _TRANSFORMERS:
            yield Architecture(name=name, seed=seed, factory=f"{torch}:transformers_model")
    for name in _KERAS:
        yield Architecture(name=name, seed="1", factory=f"{keras}:application")
