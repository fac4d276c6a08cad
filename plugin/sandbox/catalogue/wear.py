"""The sample catalogue's things to wear, carry and use, drawn with the kit: one function per product."""

from __future__ import annotations

import math

from plugin.sandbox.catalogue.kit import Canvas, Color, arc, ball, curve, cylinder, metal, mirrored, mix, rgb, shade

WHITE = (255, 255, 255)
BLACK = rgb("#1d1f24")
GRAPHITE = rgb("#2a2c33")
STEEL = rgb("#b9bec6")
BRASS = rgb("#c9a14e")


def backpack(canvas: Canvas, color: Color, accent: Color) -> None:
    """A day pack with leather straps and a front pocket."""
    canvas.shadow((500, 880), (270, 36))
    canvas.line(arc((500, 190), (70, 80), 180, 360), 22, cylinder(accent))
    for x, side in ((262, -1), (738, 1)):
        canvas.line(
            curve((x - side * 30, 330), ((x + side * 30, 420), (x + side * 40, 640), (x, 780))),
            34,
            cylinder(shade(color, 0.7)),
        )
    half = curve(
        (500, 170),
        ((640, 170), (720, 220), (728, 360)),
        ((738, 560), (742, 720), (728, 820)),
        ((720, 876), (680, 886), (620, 886)),
    )
    body = canvas.polygon(mirrored(half), cylinder(color))
    canvas.glow((310, 220, 420, 520), WHITE, 0.3, blur=36, inside=body)
    canvas.soft([(290, 545), (710, 545), (720, 590), (280, 590)], shade(color, 0.25), 0.6, blur=16, inside=body)
    pocket = canvas.box(
        (300, 580, 700, 850), 44, ((0, shade(color, 1.14)), (0.5, color), (1, shade(color, 0.7))), vertical=True
    )
    canvas.glow((320, 590, 560, 680), WHITE, 0.22, blur=26, inside=pocket)
    canvas.line([(340, 626), (660, 626)], 9, shade(color, 0.45))
    canvas.line([(340, 624), (660, 624)], 3, BRASS)
    flap = curve(
        (276, 300),
        ((270, 220), (350, 196), (500, 196)),
        ((650, 196), (730, 220), (724, 300)),
        ((722, 380), (715, 430), (690, 452)),
        ((600, 480), (400, 480), (310, 452)),
        ((285, 430), (278, 380), (276, 300)),
    )
    lid = canvas.polygon(flap, ((0, shade(color, 1.22)), (0.5, color), (1, shade(color, 0.76))), vertical=True)
    canvas.glow((320, 210, 560, 290), WHITE, 0.3, blur=26, inside=lid)
    for x in (382, 586):
        canvas.box((x, 300, x + 34, 560), 8, cylinder(accent))
        canvas.box((x - 8, 480, x + 42, 528), 8, metal(BRASS))
        canvas.box((x + 4, 490, x + 30, 518), 4, shade(accent, 0.6))
    canvas.box((444, 720, 556, 778), 8, cylinder(accent))


_SHOE_UPPER = curve(
    (160, 660),
    ((140, 560), (172, 480), (168, 396)),
    ((190, 360), (226, 372), (244, 410)),
    ((280, 470), (380, 470), (428, 372)),
    ((450, 352), (490, 352), (512, 380)),
    ((590, 480), (680, 540), (770, 562)),
    ((860, 584), (892, 620), (884, 670)),
)
_SHOE_TONGUE = curve((400, 440), ((420, 380), (440, 330), (462, 318)), ((500, 312), (520, 330), (560, 440)))
_SHOE_LINING = curve((244, 408), ((290, 380), (380, 372), (430, 370)), ((400, 470), (290, 480), (244, 408)))
_SHOE_TOE = curve((700, 680), ((690, 610), (720, 570), (776, 562)), ((880, 580), (900, 640), (890, 680)))
_SHOE_HEEL = curve((150, 670), ((130, 560), (172, 480), (166, 390)), ((200, 450), (262, 560), (250, 670)))
_SHOE_LACING = curve(
    (436, 380),
    ((470, 350), (496, 356), (514, 384)),
    ((590, 480), (660, 530), (736, 552)),
    ((640, 580), (500, 500), (436, 380)),
)
_SHOE_SADDLE = curve(
    (462, 440),
    ((530, 510), (590, 550), (648, 572)),
    ((606, 610), (592, 650), (590, 690)),
    ((540, 690), (470, 690), (420, 690)),
    ((446, 610), (464, 530), (462, 440)),
)
_SHOE_SOLE = curve(
    (138, 628),
    ((150, 668), (300, 650), (460, 660)),
    ((620, 672), (780, 668), (888, 634)),
    ((930, 640), (934, 690), (880, 718)),
    ((800, 748), (300, 746), (170, 742)),
    ((120, 736), (112, 660), (138, 628)),
)


def sneaker(canvas: Canvas, color: Color, accent: Color) -> None:
    """A running shoe seen from the side."""
    canvas.shadow((515, 744), (400, 34))
    canvas.polygon(_SHOE_TONGUE, ball(shade(accent, 0.9)), vertical=True)
    canvas.polygon(_SHOE_LINING, ((0, shade(color, 0.4)), (1, shade(color, 0.62))), vertical=True)
    body = canvas.polygon(_SHOE_UPPER, ((0, shade(color, 1.2)), (0.5, color), (1, shade(color, 0.7))), vertical=True)
    canvas.soft([(260, 470), (420, 470), (640, 640), (260, 640)], WHITE, 0.35, blur=40, inside=body)
    for outline in (_SHOE_TOE, _SHOE_HEEL, _SHOE_SADDLE):
        canvas.polygon(outline, ((0, shade(accent, 1.15)), (1, shade(accent, 0.72))), vertical=True, inside=body)
    canvas.soft([(720, 585), (790, 575), (850, 600), (740, 620)], WHITE, 0.35, blur=14, inside=body)
    lacing = canvas.polygon(_SHOE_LACING, ball(shade(accent, 0.82)), vertical=True)
    canvas.soft([(480, 372), (520, 400), (680, 530), (640, 530)], WHITE, 0.25, blur=10, inside=lacing)
    for step in range(6):
        x, y = 476 + step * 40, 388 + step * 29 - step * step * 0.5
        canvas.line([(x + 24, y - 8), (x - 16, y + 26)], 14, shade(accent, 0.5))
        canvas.line([(x + 25, y - 11), (x - 15, y + 22)], 12, ((0, WHITE), (1, rgb("#dfe2e8"))))
    sole = canvas.polygon(_SHOE_SOLE, ((0, WHITE), (0.55, rgb("#eff1f4")), (1, rgb("#b4b9c4"))), vertical=True)
    canvas.polygon(
        [*curve((110, 712), ((300, 728), (700, 728), (940, 680))), (940, 760), (110, 760)],
        shade(accent, 0.75),
        inside=sole,
    )
    canvas.line(curve((150, 676), ((300, 690), (640, 700), (884, 664))), 3, rgb("#c9ced8"))


def wristwatch(canvas: Canvas, color: Color, accent: Color) -> None:
    """A three-hand watch on a leather strap."""
    canvas.shadow((500, 930), (150, 20), 0.24)
    for top, bottom, narrow, wide in ((70, 330, 84, 104), (930, 670, 84, 104)):
        strap = canvas.polygon(
            [(500 - narrow, top), (500 + narrow, top), (500 + wide, bottom), (500 - wide, bottom)], cylinder(accent)
        )
        for side in (-1, 1):
            canvas.line([(500 + side * (narrow - 14), top), (500 + side * (wide - 14), bottom)], 3, shade(accent, 1.45))
        canvas.glow((430, min(top, bottom), 500, max(top, bottom)), WHITE, 0.2, blur=24, inside=strap)
    canvas.box((716, 470, 758, 530), 8, metal(STEEL), vertical=True)
    canvas.glow((270, 300, 750, 770), (30, 32, 40), 0.35, blur=18)
    canvas.ellipse((272, 272, 728, 728), metal(STEEL))
    canvas.ellipse((290, 290, 710, 710), metal(shade(STEEL, 0.8)), vertical=True)
    dial = canvas.ellipse(
        (312, 312, 688, 688), ((0, shade(color, 1.3)), (0.6, color), (1, shade(color, 0.6))), vertical=True
    )
    for hour in range(60):
        angle, inner, width = math.radians(hour * 6), (148, 174)[hour % 5 > 0], (9, 3)[hour % 5 > 0]
        ray = [(500 + r * math.sin(angle), 500 - r * math.cos(angle)) for r in (inner, 180)]
        canvas.line(ray, width, mix(color, WHITE, 0.85))
    canvas.ellipse((470, 560, 530, 620), shade(color, 0.75))
    canvas.line(arc((500, 590), (30, 30), 0, 360), 2, mix(color, WHITE, 0.6))
    for degrees, length, width in ((305, 98, 15), (55, 142, 10)):
        angle = math.radians(degrees)
        hand = [(500 + r * math.sin(angle), 500 - r * math.cos(angle)) for r in (-22, length)]
        canvas.line(hand, width, rgb("#f6f6f4"))
    canvas.line([(492, 540), (535, 340)], 4, rgb("#e0563f"))
    canvas.ellipse((488, 488, 512, 512), metal(STEEL))
    canvas.soft([(330, 420), (470, 320), (560, 320), (340, 520)], WHITE, 0.2, blur=10, inside=dial)


def headphones(canvas: Canvas, color: Color, accent: Color) -> None:
    """Over-ear headphones, upright."""
    canvas.shadow((500, 868), (310, 30))
    canvas.line(arc((500, 500), (262, 330), 182, 358), 52, cylinder(color))
    canvas.line(arc((500, 492), (262, 330), 200, 300), 10, shade(color, 1.4))
    canvas.line(arc((500, 512), (232, 302), 205, 335), 30, cylinder(shade(color, 0.62)))
    for x, side in ((238, -1), (762, 1)):
        canvas.box((x - 13, 470, x + 13, 640), 10, metal(STEEL))
        canvas.ellipse((x - side * 84 - 62, 530, x - side * 84 + 62, 850), cylinder(shade(accent, 0.85)))
        canvas.ellipse((x - side * 60 - 64, 520, x - side * 60 + 64, 860), cylinder(accent))
        cup = canvas.ellipse((x - 88, 512, x + 88, 868), cylinder(color))
        canvas.glow((x - 66, 560, x - 22, 720), WHITE, 0.45, blur=18, inside=cup)
        canvas.ellipse((x - 46, 590, x + 46, 790), metal(shade(STEEL, 0.95)))
        canvas.ellipse((x - 38, 602, x + 38, 778), cylinder(shade(color, 0.85)))


def sunglasses(canvas: Canvas, color: Color, accent: Color) -> None:
    """Sunglasses with tinted lenses, from the front."""
    canvas.shadow((500, 690), (360, 26), 0.26)
    for side in (-1, 1):
        x = 500 + side * 208
        canvas.line(
            curve((x + side * 190, 400), ((x + side * 215, 380), (x + side * 190, 330), (x + side * 120, 318))),
            22,
            cylinder(shade(color, 0.7)),
        )
        frame = _lens(x, side, 1.0)
        canvas.soft([(px, py + 24) for px, py in frame], (40, 42, 52), 0.3, blur=22)
        canvas.polygon(frame, ball(color), vertical=True)
        glass = canvas.polygon(
            _lens(x, side, 0.87), ((0, shade(accent, 0.5)), (0.55, accent), (1, shade(accent, 1.5))), vertical=True
        )
        canvas.soft([(x - 110, 400), (x - 20, 400), (x - 110, 600), (x - 190, 600)], WHITE, 0.4, blur=8, inside=glass)
        canvas.soft([(x + 10, 400), (x + 34, 400), (x - 50, 640), (x - 74, 640)], WHITE, 0.3, blur=5, inside=glass)
        canvas.ellipse((x + side * 172 - 8, 406, x + side * 172 + 8, 422), metal(STEEL))
    canvas.line(arc((500, 482), (46, 46), 205, 335), 26, ball(color), vertical=True)
    canvas.line(curve((150, 398), ((250, 376), (420, 384), (470, 412))), 5, shade(color, 1.45))
    canvas.line(curve((530, 412), ((580, 384), (750, 376), (850, 398))), 5, shade(color, 1.45))


def _lens(x: float, side: int, size: float) -> list[tuple[float, float]]:
    def at(dx: float, dy: float) -> tuple[float, float]:
        return x + side * dx * size, 510 + dy * size

    return curve(
        at(-168, -78),
        (at(-100, -142), at(120, -148), at(202, -112)),
        (at(206, -40), at(190, 70), at(130, 122)),
        (at(60, 172), at(-60, 160), at(-112, 100)),
        (at(-160, 40), at(-178, -30), at(-168, -78)),
    )


def notebook(canvas: Canvas, color: Color, accent: Color) -> None:
    """A cloth-bound notebook with an elastic band, a ribbon and a pencil."""
    canvas.shadow((505, 868), (290, 30))
    canvas.soft([(300, 180), (770, 180), (790, 880), (290, 880)], (40, 42, 52), 0.3, blur=24)
    canvas.polygon([(560, 850), (584, 850), (588, 930), (572, 914), (556, 930)], ball(accent), vertical=True)
    canvas.box((262, 150, 742, 866), 22, cylinder(shade(color, 0.62)))
    canvas.box((270, 146, 736, 856), 14, ((0, rgb("#d9d2c2")), (1, rgb("#f7f3e8"))))
    for x in range(724, 736, 4):
        canvas.line([(x, 160), (x, 842)], 1, rgb("#c9c1ae"))
    cover = canvas.box(
        (258, 140, 724, 856),
        22,
        (
            (0, shade(color, 0.7)),
            (0.06, shade(color, 1.1)),
            (0.1, shade(color, 0.82)),
            (0.14, shade(color, 1.12)),
            (0.6, color),
            (1, shade(color, 0.84)),
        ),
    )
    canvas.glow((300, 120, 640, 460), WHITE, 0.28, blur=70, inside=cover)
    canvas.box((640, 138, 662, 860), 4, cylinder(accent))
    canvas.box((378, 300, 566, 420), 8, ((0, rgb("#fbf8f0")), (1, rgb("#ece5d6"))), vertical=True)
    for y in (340, 364, 388):
        canvas.line([(402, y), (542 - (y - 340), y)], 4, mix(color, WHITE, 0.45))
    canvas.soft([(770, 300), (812, 300), (812, 830), (770, 830)], (40, 42, 52), 0.28, blur=12)
    canvas.box(
        (776, 250, 808, 760),
        4,
        ((0, shade(accent, 0.7)), (0.33, shade(accent, 1.3)), (0.66, accent), (1, shade(accent, 0.6))),
    )
    canvas.box((776, 214, 808, 256), 4, metal(STEEL))
    canvas.box((776, 180, 808, 218), 10, cylinder(rgb("#e6a59c")))
    canvas.polygon([(776, 760), (808, 760), (796, 824), (788, 824)], cylinder(rgb("#e3bf8d")))
    canvas.polygon([(786, 810), (798, 810), (792, 836)], BLACK)


def camera(canvas: Canvas, color: Color, accent: Color) -> None:
    """A compact camera with a leather-clad body."""
    canvas.shadow((500, 782), (350, 34))
    canvas.box((220, 268, 320, 312), 10, metal(STEEL))
    canvas.box((680, 256, 776, 312), 12, metal(STEEL))
    canvas.box((590, 278, 650, 312), 8, metal(shade(STEEL, 0.85)))
    canvas.polygon(
        [(390, 310), (420, 222), (580, 222), (610, 310)],
        ((0, shade(color, 1.3)), (1, shade(color, 0.85))),
        vertical=True,
    )
    body = canvas.box(
        (140, 300, 860, 780), 56, ((0, shade(color, 1.3)), (0.2, color), (1, shade(color, 0.72))), vertical=True
    )
    canvas.box((140, 400, 860, 700), 0, cylinder(accent), inside=body)
    for y in range(408, 700, 9):
        canvas.line([(150, y), (850, y)], 1, shade(accent, 0.8))
    canvas.glow((170, 400, 330, 700), WHITE, 0.22, blur=30, inside=body)
    canvas.soft([(300, 360), (720, 360), (760, 760), (280, 790)], (10, 10, 14), 0.45, blur=26, inside=body)
    _objective(canvas, 500, 548)
    canvas.box((724, 330, 800, 380), 10, ((0, rgb("#dfe8f2")), (1, rgb("#7f8b99"))), vertical=True)
    canvas.box((446, 240, 554, 286), 8, ((0, rgb("#4a5568")), (1, rgb("#10141c"))), vertical=True)
    canvas.ellipse((204, 336, 234, 366), ball(rgb("#d2463c")), vertical=True)


def _objective(canvas: Canvas, x: float, y: float) -> None:
    rings = ((232, metal(STEEL)), (218, cylinder(BLACK)), (186, metal(shade(STEEL, 0.6))), (176, cylinder(GRAPHITE)))
    for radius, fill in rings:
        canvas.ellipse((x - radius, y - radius, x + radius, y + radius), fill)
    canvas.ellipse((x - 140, y - 140, x + 140, y + 140), ball(rgb("#101218")), vertical=True)
    glass = canvas.ellipse((x - 122, y - 122, x + 122, y + 122), ball(rgb("#1b2440")), vertical=True)
    canvas.ellipse((x - 86, y - 86, x + 86, y + 86), ball(rgb("#141a30")), vertical=True)
    canvas.ellipse((x - 46, y - 46, x + 46, y + 46), ball(rgb("#0a0c14")), vertical=True)
    canvas.glow((x - 100, y - 98, x, y - 8), rgb("#7f8dff"), 0.75, blur=22, inside=glass)
    canvas.glow((x + 10, y + 22, x + 100, y + 102), rgb("#c76bd6"), 0.6, blur=22, inside=glass)
    canvas.glow((x - 70, y - 78, x - 24, y - 38), WHITE, 0.95, blur=7)
