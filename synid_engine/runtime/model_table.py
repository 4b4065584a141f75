"""The published models that the full-size product is made of.

A size, a hash or a commit stands here only if a public record of the file names it; else it is absent, and
the file is checked against what the hub says of it and against its own format.
"""

from collections.abc import Mapping

from synid_engine.runtime.model_spec import (
    NO_LICENCE,
    FewStepSchedule,
    LicenceClass,
    ModelFile,
    ModelRole,
    ModelSet,
    ModelSpec,
    PerceptionPart,
    SetPart,
)


def _half(part: str, *, size: int) -> ModelFile:
    """Return a weight file of diffusers, at half precision where the repository has it."""
    return ModelFile(path=f"{part}.fp16.safetensors", instead=f"{part}.safetensors", size=size)


_SPECS = (
    ModelSpec(
        name="dreamshaper-8",
        role=ModelRole.BASE,
        repo="Lykon/dreamshaper-8",
        revision="a7e52b98680b1ba8ff7bce97c7f9f2e2e5337917",
        files=(
            ModelFile(path="model_index.json"),
            ModelFile(path="scheduler/scheduler_config.json"),
            ModelFile(path="text_encoder/config.json"),
            _half("text_encoder/model", size=246_144_152),
            ModelFile(path="tokenizer/merges.txt"),
            ModelFile(path="tokenizer/special_tokens_map.json"),
            ModelFile(path="tokenizer/tokenizer_config.json"),
            ModelFile(path="tokenizer/vocab.json"),
            ModelFile(path="unet/config.json"),
            _half("unet/diffusion_pytorch_model", size=1_719_125_304),
            ModelFile(path="vae/config.json"),
            _half("vae/diffusion_pytorch_model", size=167_335_342),
        ),
        licence="CreativeML Open RAIL-M",
        licence_class=LicenceClass.USE_RESTRICTED,
        about="Stable Diffusion 1.5, tuned for drawn and photographic people",
    ),
    ModelSpec(
        name="control-openpose",
        role=ModelRole.POSE_CONTROL,
        repo="lllyasviel/control_v11p_sd15_openpose",
        revision="9ae9f970358db89e211b87c915f9535c6686d5ba",
        files=(ModelFile(path="config.json"), _half("diffusion_pytorch_model", size=722_598_642)),
        licence="Open RAIL",
        licence_class=LicenceClass.USE_RESTRICTED,
        about="ControlNet that follows a skeleton",
    ),
    ModelSpec(
        name="clip-vit-l14",
        role=ModelRole.CLIP,
        repo="openai/clip-vit-large-patch14",
        revision="32bd64288804d66eefd0ccbe215aa642df71cc41",
        files=(
            ModelFile(
                path="config.json",
                size=4519,
                sha256="8a09b467700c58138c29d53c605b34ebc69beaadd13274a8a2af8ad2c2f4032a",
            ),
            ModelFile(path="merges.txt"),
            ModelFile(
                path="model.safetensors",
                size=1_710_540_580,
                sha256="a2bf730a0c7debf160f7a6b50b3aaf3703e7e88ac73de7a314903141db026dcb",
            ),
            ModelFile(path="preprocessor_config.json"),
            ModelFile(path="special_tokens_map.json"),
            ModelFile(path="tokenizer.json"),
            ModelFile(path="tokenizer_config.json"),
            ModelFile(path="vocab.json"),
        ),
        licence="MIT (its code; the weights name none)",
        licence_class=LicenceClass.PERMISSIVE,
        about="CLIP ViT-L/14, which compares pictures and words",
    ),
    ModelSpec(
        name="auraface",
        role=ModelRole.FACE_ENCODER,
        repo="fal/AuraFace-v1",
        revision="af6d057c9b0ec4071d4c49c80e3539258798b609",
        files=(  # the repository's other files are InsightFace's, for research only
            ModelFile(
                path="glintr100.onnx",
                size=260_694_151,
                sha256="a7933ea5330113b01c9b60351d8f4c33003f145d8470ac5f0e52ee2effe25c60",
            ),
        ),
        licence="Apache-2.0",
        licence_class=LicenceClass.PERMISSIVE,
        about="ArcFace recogniser for everybody; finds no faces by itself",
    ),
    ModelSpec(
        name="yunet",
        role=ModelRole.FACE_DETECTOR,
        repo="opencv/face_detection_yunet",
        revision="3cc26e7f1014a5ee5d74a42acee58bafc9d0a310",
        files=(
            ModelFile(
                path="face_detection_yunet_2023mar.onnx",
                size=232_589,
                sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
            ),
        ),
        licence="MIT",
        licence_class=LicenceClass.PERMISSIVE,
        about="finds faces and their five landmarks",
    ),
    ModelSpec(
        name="buffalo_l",
        role=ModelRole.FACE_ENCODER,
        repo="public-data/insightface",
        revision="33c1063c49c785b7652d3fd529f86fa4f149392b",
        files=(
            ModelFile(
                path="models/buffalo_l/det_10g.onnx",
                saved_as="det_10g.onnx",
                size=16_923_827,
                sha256="5838f7fe053675b1c7a08b633df49e7af5495cee0493c7dcf6697200b85b5b91",
            ),
            ModelFile(
                path="models/buffalo_l/w600k_r50.onnx",
                saved_as="w600k_r50.onnx",
                size=174_383_860,
                sha256="4c06341c33c2ca1f86781dab0e829f88ad5b64be9fba56e56bc9ebdefc619e43",
            ),
        ),
        licence="InsightFace, non-commercial research",
        licence_class=LicenceClass.RESEARCH_ONLY,
        about="ArcFace recogniser and SCRFD detector of InsightFace",
    ),
    ModelSpec(
        name="dwpose",
        role=ModelRole.POSE_DETECTOR,
        repo="yzd-v/DWPose",
        revision="1a7144101628d69ee7a3768d1ee3a094070dc388",
        files=(
            ModelFile(
                path="dw-ll_ucoco_384.onnx",
                size=134_399_116,
                sha256="724f4ff2439ed61afb86fb8a1951ec39c6220682803b4a8bd4f598cd913b1843",
            ),
            ModelFile(
                path="yolox_l.onnx",
                size=216_746_733,
                sha256="7860ae79de6c89a3c1eb72ae9a2756c0ccfbe04b7791bb5880afabd97855a411",
            ),
        ),
        licence="Apache-2.0",
        licence_class=LicenceClass.PERMISSIVE,
        about="finds people and their joints in a picture",
    ),
    ModelSpec(
        name="openpose",
        role=ModelRole.POSE_DETECTOR,
        repo="lllyasviel/Annotators",
        revision="main",
        files=(ModelFile(path="body_pose_model.pth"),),
        licence="CMU OpenPose, non-commercial",
        licence_class=LicenceClass.RESEARCH_ONLY,
        about="a pickle, which is never fetched: dwpose finds poses, too",
    ),
    ModelSpec(
        name="taesd",
        role=ModelRole.PREVIEW,
        repo="madebyollin/taesd",
        revision="614f76814bbe30edbe2e627ace1c2234c81a2c0e",
        files=(
            ModelFile(path="config.json"),
            ModelFile(
                path="diffusion_pytorch_model.safetensors",
                size=9_793_292,
                sha256="db169d69145ec4ff064e49d99c95fa05d3eb04ee453de35824a6d0f325513549",
            ),
        ),
        licence="MIT",
        licence_class=LicenceClass.PERMISSIVE,
        about="small decoder for previews",
    ),
    ModelSpec(
        name="safety-checker",
        role=ModelRole.PICTURE_JUDGE,
        repo="stable-diffusion-v1-5/stable-diffusion-v1-5",
        revision="451f4fe16113bff5a5d2269ed5ad43b0592e9a14",
        files=(
            ModelFile(
                path="feature_extractor/preprocessor_config.json",
                size=342,
                sha256="2a1da83b5e1032aaeef397552ddb408dca0d8cd1dc58f61bf6abf38d6f33a0a2",
            ),
            ModelFile(
                path="safety_checker/config.json",
                size=4723,
                sha256="5dd77a06cbd9b155060bd58deb81ffd1aafc1c6d7970acac674c1128bd4edfe2",
            ),
            ModelFile(
                path="safety_checker/model.fp16.safetensors",
                size=608_018_440,
                sha256="08902f19b1cfebd7c989f152fc0507bef6898c706a91d666509383122324b511",
            ),
        ),
        licence="CreativeML Open RAIL-M",
        licence_class=LicenceClass.USE_RESTRICTED,
        about="judges finished pictures beside open_nsfw: pull a set with --safety-checker",
    ),
    ModelSpec(
        name="lcm-lora",
        role=ModelRole.FEW_STEPS,
        repo="latent-consistency/lcm-lora-sdv1-5",
        revision="main",
        files=(
            ModelFile(
                path="pytorch_lora_weights.safetensors",
                size=134_621_556,
                sha256="8f90d840e075ff588a58e22c6586e2ae9a6f7922996ee6649a7f01072333afe4",
            ),
        ),
        licence="Open RAIL++-M",
        licence_class=LicenceClass.USE_RESTRICTED,
        about="draws in four to eight steps, almost without guidance",
        few_steps=FewStepSchedule(steps=8, guidance_scale=1.5, noise_scheduler="lcm"),
    ),
    ModelSpec(
        name="hyper-sd-8",
        role=ModelRole.FEW_STEPS,
        repo="ByteDance/Hyper-SD",
        revision="main",
        files=(ModelFile(path="Hyper-SD15-8steps-CFG-lora.safetensors", size=269_127_064),),
        licence=NO_LICENCE,
        licence_class=LicenceClass.RESEARCH_ONLY,  # what nobody licenses, nobody may serve to others
        about="draws in eight steps and keeps guidance and negative prompts",
        few_steps=FewStepSchedule(steps=8, guidance_scale=5.0, noise_scheduler="ddim_trailing"),
    ),
)

_COMPANIONS = (
    SetPart(place="controlnet", model="control-openpose"),
    SetPart(place="perception/clip", model="clip-vit-l14"),
    SetPart(place="pose_estimator", model="dwpose"),
    SetPart(place="preview", model="taesd"),
)
_CLIP = PerceptionPart(kind="clip", folder="clip")
_BASE = SetPart(place="", model="dreamshaper-8")

MODELS: Mapping[str, ModelSpec] = {spec.name: spec for spec in _SPECS}
"""Every model, by name."""

SETS: Mapping[str, ModelSet] = {
    one.name: one
    for one in (
        ModelSet(
            name="sd15",
            parts=(
                _BASE,
                *_COMPANIONS,
                SetPart(place="perception/face_detector", model="yunet"),
                SetPart(place="perception/face_encoder", model="auraface"),
            ),
            perception={
                "clip": _CLIP,
                "face_detector": PerceptionPart(kind="yunet", folder="face_detector"),
                "face_encoder": PerceptionPart(kind="arcface", folder="face_encoder"),
            },
            about="the full-size product, nothing in it for research only",
        ),
        ModelSet(
            name="sd15-insightface",
            parts=(_BASE, *_COMPANIONS, SetPart(place="perception/insightface", model="buffalo_l")),
            perception={
                "clip": _CLIP,
                "face_detector": PerceptionPart(kind="scrfd", folder="insightface"),
                "face_encoder": PerceptionPart(kind="arcface", folder="insightface"),
            },
            about="the same with InsightFace's faces, for research only",
        ),
    )
}
"""Every set, by name."""
