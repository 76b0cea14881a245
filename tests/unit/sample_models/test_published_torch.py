"""Published PyTorch models come out of their packages, where these are installed."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution

import pytest
import torch

from edgeproof.converters.errors import SourceError
from edgeproof.sample_models.published import mtcnn_torch, silero_vad

pytestmark = pytest.mark.torch


def installed(requirement: str) -> bool:
    try:
        distribution(requirement.partition("==")[0])
    except PackageNotFoundError:
        return False
    return True


with_silero = pytest.mark.skipif(not installed(silero_vad.REQUIREMENT), reason=f"{silero_vad.REQUIREMENT} is an extra")
with_mtcnn = pytest.mark.skipif(not installed(mtcnn_torch.REQUIREMENT), reason=f"{mtcnn_torch.REQUIREMENT} is an extra")


def test_the_detector_s_module_answers_a_chunk_and_a_state() -> None:
    model = silero_vad.SileroVad().eval()
    with torch.no_grad():
        speech, state = model(torch.ones(2, 576), torch.zeros(2, 2, 128))
    assert speech.shape == (2, 1)
    assert state.shape == (2, 2, 128)
    assert 0 < float(speech[0]) < 1


@with_silero
def test_the_voice_detector_answers_as_the_published_program_does() -> None:
    model, (tone, state) = silero_vad.build()
    path = silero_vad.package_file(silero_vad.REQUIREMENT, "silero_vad/data/silero_vad.jit")
    published = torch.jit.load(str(path))
    context, ours, theirs = torch.zeros(1, 64), [], []
    with torch.no_grad():
        for loudness in (0.1, 1.0, 0.3):
            chunk = loudness * tone[:, 64:]
            speech, state = model(torch.cat([context, chunk], 1), state)
            ours.append(float(speech))
            theirs.append(float(published(chunk, silero_vad.RATE)))  # keeps the context and the state itself
            context = chunk[:, -64:]
    assert ours == pytest.approx(theirs, abs=1e-6)
    assert len(set(ours)) == 3


@with_mtcnn
@pytest.mark.parametrize(("net", "channels"), [("pnet", [4, 2]), ("rnet", [4, 2]), ("onet", [4, 10, 2])])
def test_a_face_net_comes_with_its_weights(net: str, channels: list[int]) -> None:
    model, inputs = getattr(mtcnn_torch, net)()
    with torch.no_grad():
        outputs = model(*inputs)
    assert [output.shape[1] for output in outputs] == channels
    torch.testing.assert_close(outputs[-1].sum(1), torch.ones_like(outputs[-1].sum(1)))


@pytest.mark.skipif(installed(silero_vad.REQUIREMENT), reason="the package is there")
def test_without_the_package_the_command_that_installs_it_is_told() -> None:
    with pytest.raises(SourceError) as caught:
        silero_vad.build()
    assert caught.value.fix == "pip install silero-vad==6.2.3 --no-deps"
