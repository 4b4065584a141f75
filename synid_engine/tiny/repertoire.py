"""What the drawn world has by name: how a head is held, how near it is, and the one shape of its pictures.

Every pose is a phrase of the vocabulary. Knows no renderer: the side of the square is written out here.
"""

from synid_engine.synid.repertoire import Repertoire, Shape

REPERTOIRE = Repertoire(
    poses=("looking straight ahead", "head tilted left", "head tilted right", "close-up", "wide shot"),
    shapes=(Shape(name="square", width=256, height=256),),
)
