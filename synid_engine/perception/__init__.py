"""Seeing: pictures against words, faces and their landmarks, who it is, and which traits.

Protocols, and implementations that are loaded from folders. Knows nothing about drawing.
"""

from synid_engine.perception.bundle import Perception, load_face_detector, load_face_encoder, load_perception
from synid_engine.perception.clip import TransformersClipScorer
from synid_engine.perception.face import AlignedFaceEncoder, DetectorConfig, RegressionFaceDetector
from synid_engine.perception.protocols import ClipScorer, Face, FaceDetector, FaceEncoder
from synid_engine.perception.traits import TraitClassifier, load_trait_classifier

__all__ = [
    "AlignedFaceEncoder",
    "ClipScorer",
    "DetectorConfig",
    "Face",
    "FaceDetector",
    "FaceEncoder",
    "Perception",
    "RegressionFaceDetector",
    "TraitClassifier",
    "TransformersClipScorer",
    "load_face_detector",
    "load_face_encoder",
    "load_perception",
    "load_trait_classifier",
]
