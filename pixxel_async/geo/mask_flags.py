"""The flags of a mask: a bit each.

Rules:
    * The vendor documents that masks are bit-encoded, not which bit means what. So names come from
      the metadata of the mask, or from you; nothing is assumed.
    * Metadata names bits as CF conventions do (section 3.5: `flag_masks`, `flag_meanings`), or one
      by one: `bit_0` is `cloud`.
    * A bit without a name is called by its number: `bit_3`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

MASKS = "flag_masks"
MEANINGS = "flag_meanings"
MAX_BIT = 63
_NUMBERED = re.compile(r"bit_(\d{1,2})")


def flags_of(tags: Mapping[str, str]) -> dict[str, int]:
    """Return the bit value of each name in a mask's metadata; none if it names none.

    Raises:
        ValueError: What it says is broken.
    """
    if MASKS in tags and MEANINGS in tags:
        return parse_flags(tags[MASKS], tags[MEANINGS])
    bits = sorted(
        (int(found[1]), name.strip())
        for tag, name in tags.items()
        if (found := _NUMBERED.fullmatch(tag.lower()))
    )
    masks = " ".join(str(1 << bit) for bit, _ in bits)
    return parse_flags(masks, " ".join(re.sub(r"\s+", "_", name) for _, name in bits))


def parse_flags(masks: str, meanings: str) -> dict[str, int]:
    """Return the bit value of each name, from two lists.

    Raises:
        ValueError: They are not as long as each other, or a value is not a single bit.
    """
    names = meanings.split()
    values = [_bit_value(text) for text in re.split(r"[,\s]+", masks.strip("{} \t")) if text]
    if len(names) != len(values) or len(set(names)) != len(names):
        message = f"'{MASKS}' and '{MEANINGS}' do not fit together"
        raise ValueError(message)
    if len(set(values)) != len(values):
        message = f"'{MASKS}' names a bit twice"
        raise ValueError(message)
    return dict(zip(names, values, strict=True))


def _bit_value(text: str) -> int:
    try:
        value = int(text.rstrip("bBsSuUlL"))
    except ValueError:
        value = 0
    if value <= 0 or value.bit_count() != 1 or value.bit_length() > MAX_BIT + 1:
        message = f"'{MASKS}' holds something other than single bits"
        raise ValueError(message)
    return value


def names_of(value: int, flags: Mapping[str, int]) -> tuple[str, ...]:
    """Return the names of the bits that are set in a value, lowest bit first."""
    by_bit = {bit: name for name, bit in flags.items()}
    return tuple(by_bit.get(bit, unnamed(bit)) for bit in _bits(value))


def unnamed(bit: int) -> str:
    """Return the name of a bit, given by its value, that has none."""
    return f"bit_{bit.bit_length() - 1}"


def _bits(value: int) -> Iterator[int]:
    return (1 << at for at in range(value.bit_length()) if value >> at & 1)
