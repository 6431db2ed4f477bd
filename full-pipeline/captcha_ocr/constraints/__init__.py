"""What a text may be, and the most probable texts that are.

``automaton`` makes one automaton of all conditions: those of ``languages``, and a pattern, which
``pattern_syntax`` parses and ``patterns`` compiles. ``search`` and ``viterbi`` decode under it.
"""

from captcha_ocr.constraints.automaton import MAX_EDGES, Constraint
from captcha_ocr.constraints.languages import MAX_TEXT_LENGTH, ConstraintError

__all__ = ["MAX_EDGES", "MAX_TEXT_LENGTH", "Constraint", "ConstraintError"]
