from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL
from torch import Tensor

from synid_engine.errors import MissingModelError, UnsupportedModelError
from synid_engine.perception import FaceEncoder
from synid_engine.perception.alignment import ARCFACE_SIZE, align_to_arcface
from synid_engine.perception.arcface import ArcFaceEncoder, load_arcface
from synid_engine.perception.grid_detector import GridConfig, GridFaceDetector
from synid_engine.perception.onnx_faces import load_pack_detector, load_pack_encoder
from synid_engine.runtime.onnx_file import OnnxFile
from synid_engine.synid.losses import face_loss

from ...onnx_models import save_colour_scrfd, save_random_scrfd, save_small_arcface  # noqa: TID252

CPU = torch.device("cpu")
TEMPLATE = torch.tensor(
    [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)]
)


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hold a folder of buffalo_l's layout."""
    folder = tmp_path_factory.mktemp("buffalo_l")
    save_colour_scrfd(folder / "det_10g.onnx")
    save_small_arcface(folder / "w600k_r50.onnx")
    return folder


@pytest.fixture(scope="module")
def detector(pack: Path) -> GridFaceDetector:
    return load_pack_detector(pack, device=CPU)


@pytest.fixture(scope="module")
def encoder(pack: Path, detector: GridFaceDetector) -> ArcFaceEncoder:
    return load_pack_encoder(pack, detector=detector, device=CPU)


@pytest.fixture
def landmarks() -> Tensor:
    """Lie in a picture of 160 pixels, a little turned and half as large again as the template."""
    turn = torch.tensor([[1.45, -0.2], [0.2, 1.45]])
    return ((TEMPLATE - 56) @ turn.T + 80).expand(3, 5, 2)


def test_encoder_keeps_its_protocol(encoder: ArcFaceEncoder) -> None:
    assert isinstance(encoder, FaceEncoder)


def test_twin_and_onnxruntime_are_one_recogniser(
    encoder: ArcFaceEncoder, pack: Path, pictures: Tensor, landmarks: Tensor
) -> None:
    runtime = load_pack_encoder(pack, detector=encoder.detector, device=CPU, is_differentiable=False)
    expected = runtime.face_embeds(pictures, landmarks=landmarks)
    torch.testing.assert_close(
        encoder.face_embeds(pictures, landmarks=landmarks), expected, atol=1e-4, rtol=0
    )


def test_vectors_have_unit_length_and_the_raw_ones_keep_theirs(
    encoder: ArcFaceEncoder, pictures: Tensor, landmarks: Tensor
) -> None:
    unit = encoder.face_embeds(pictures, landmarks=landmarks)
    raw = encoder.raw_embeds(pictures, landmarks=landmarks)
    torch.testing.assert_close(unit.norm(dim=1), torch.ones(3))
    assert (raw.norm(dim=1) - 1).abs().min() > 0.1
    torch.testing.assert_close(raw / raw.norm(dim=1, keepdim=True), unit)


def test_recogniser_sees_rgb(encoder: ArcFaceEncoder, pictures: Tensor, landmarks: Tensor) -> None:
    crops = align_to_arcface(pictures, landmarks)
    expected = encoder.network(crops * 2 - 1)
    torch.testing.assert_close(encoder.raw_embeds(pictures, landmarks=landmarks), expected)
    swapped = encoder.face_embeds(pictures.flip(1), landmarks=landmarks)
    assert (encoder.face_embeds(pictures, landmarks=landmarks) - swapped).norm(dim=1).min() > 1e-2


def test_graph_that_normalises_itself_gets_bytes(
    detector: GridFaceDetector, tmp_path: Path, pictures: Tensor, landmarks: Tensor
) -> None:
    plain = OnnxFile(save_small_arcface(tmp_path / "plain.onnx"))
    own = OnnxFile(save_small_arcface(tmp_path / "own.onnx", is_normalising=True))
    of_plain, of_own = (load_arcface(one, detector=detector, device=CPU) for one in (plain, own))
    assert (of_plain.takes_bytes, of_own.takes_bytes) == (False, True)
    assert of_own.face_embeds(pictures, landmarks=landmarks).isfinite().all()


def test_detector_is_asked_where_the_caller_does_not_say(encoder: ArcFaceEncoder) -> None:
    picture = torch.zeros(1, 3, 640, 640)
    picture[0, 1, 160:224, 320:384] = 1
    found = encoder.detector.landmarks(picture)
    expected = encoder.face_embeds(picture, landmarks=found)
    torch.testing.assert_close(encoder.face_embeds(picture), expected)


def test_gradient_of_an_identity_loss_reaches_the_pixels(
    encoder: ArcFaceEncoder, pictures: Tensor, landmarks: Tensor
) -> None:
    leaf = pictures.clone().requires_grad_()
    target = torch.nn.functional.normalize(torch.randn(16), dim=0)
    (1 - encoder.face_embeds(leaf, landmarks=landmarks) @ target).sum().backward()
    assert leaf.grad is not None
    seen = leaf.grad.abs().sum(dim=1) > 0
    assert all(float(row[40:120, 40:120].float().mean()) > 0.99 for row in seen)  # no pixel is skipped


def test_gradient_of_the_face_loss_reaches_the_latents(encoder: ArcFaceEncoder) -> None:
    """Decode latents as a stage does, and ask for another face."""
    blocks = ("DownEncoderBlock2D",) * 4, ("UpDecoderBlock2D",) * 4
    vae = AutoencoderKL(
        down_block_types=blocks[0],
        up_block_types=blocks[1],
        block_out_channels=(8, 8, 8, 8),
        norm_num_groups=4,
        latent_channels=4,
    )
    vae.eval().requires_grad_(requires_grad=False)
    latents = torch.randn(2, 4, 16, 16, requires_grad=True)
    images = (vae.decode(latents).sample / 2 + 0.5).clamp(0, 1)
    loss = face_loss(images, torch.nn.functional.normalize(torch.randn(16), dim=0), encoder)
    loss.backward()
    assert latents.grad is not None
    assert all(bool(row.abs().sum() > 0) for row in latents.grad)


def test_pack_of_auraface_is_read_likewise(tmp_path: Path) -> None:
    save_random_scrfd(tmp_path / "scrfd_10g_bnkps.onnx")
    save_small_arcface(tmp_path / "glintr100.onnx")
    detector = load_pack_detector(tmp_path, device=CPU)
    assert load_pack_encoder(tmp_path, detector=detector, device=CPU).raw_embeds(
        torch.rand(1, 3, 64, 64)
    ).shape == (1, 16)


def test_pack_without_a_recogniser_or_with_another_file_is_refused(
    tmp_path: Path, detector: GridFaceDetector
) -> None:
    with pytest.raises(MissingModelError):
        load_pack_encoder(tmp_path, detector=detector, device=CPU)
    save_random_scrfd(tmp_path / "w600k_r50.onnx")
    with pytest.raises(UnsupportedModelError):
        load_pack_encoder(tmp_path, detector=detector, device=CPU)


def test_landmarks_on_the_template_leave_the_crop_as_it_is() -> None:
    picture = torch.rand(1, 3, ARCFACE_SIZE, ARCFACE_SIZE)
    torch.testing.assert_close(align_to_arcface(picture, TEMPLATE[None] + 0.5), picture, atol=1e-4, rtol=0)


def test_crop_equals_that_of_opencv() -> None:
    cv2 = pytest.importorskip("cv2")
    transform = pytest.importorskip("skimage.transform")
    picture = torch.rand(3, 20, 16)
    picture = torch.nn.functional.interpolate(picture[None], size=(200, 160), mode="bicubic").clamp(0, 1)
    points = (TEMPLATE - 56) @ torch.tensor([[0.9, -0.3], [0.3, 0.9]]).T + torch.tensor([75.0, 90.0])
    matrix = transform.SimilarityTransform.from_estimate(points.numpy(), TEMPLATE.numpy()).params[:2]
    expected = cv2.warpAffine(picture[0].permute(1, 2, 0).numpy(), matrix, (112, 112))
    crop = align_to_arcface(picture, points[None] + 0.5)[0].permute(1, 2, 0)
    assert float((crop - torch.as_tensor(expected)).abs().max()) < 0.02  # OpenCV counts in 32nds of a pixel


def test_face_that_is_larger_than_the_crop_is_averaged() -> None:
    checker = ((torch.arange(448)[:, None] + torch.arange(448)) % 2).float().expand(1, 3, 448, 448)
    crop = align_to_arcface(checker, TEMPLATE[None] * 4 + 2)
    torch.testing.assert_close(crop[..., 8:-8, 8:-8], torch.full((1, 3, 96, 96), 0.5), atol=0.05, rtol=0)


def test_crop_beyond_the_picture_is_black_and_landmarks_get_gradients() -> None:
    picture = torch.rand(1, 3, 90, 120)
    far = TEMPLATE[None] + 400
    torch.testing.assert_close(align_to_arcface(picture, far), torch.zeros(1, 3, 112, 112))
    near = TEMPLATE[None].clone().requires_grad_()
    align_to_arcface(picture, near).square().mean().backward()
    assert near.grad is not None
    assert near.grad.abs().sum() > 0


def test_settings_of_the_pack_are_those_of_insightface(detector: GridFaceDetector) -> None:
    assert detector.config == GridConfig(min_score=0.5, max_overlap=0.4, sides=(640, 128))
