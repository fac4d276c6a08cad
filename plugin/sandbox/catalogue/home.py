"""The sample catalogue's things for the house, drawn with the kit: each function puts one product on the canvas."""

from __future__ import annotations

from plugin.sandbox.catalogue.kit import Canvas, Color, arc, ball, curve, cylinder, metal, mirrored, mix, rgb, shade

WHITE = (255, 255, 255)
STEEL = rgb("#b9bec6")
BRASS = rgb("#c9a14e")
WOOD = rgb("#b9834f")


def mug(canvas: Canvas, color: Color, accent: Color) -> None:
    """A stoneware mug, dipped in a second glaze."""
    canvas.shadow((500, 815), (270, 40))
    canvas.line(arc((668, 555), (112, 138), -112, 112), 50, ball(shade(color, 0.92)))
    canvas.line(arc((668, 548), (112, 138), -105, 60), 10, shade(color, 1.35))
    half = curve((670, 320), ((674, 500), (668, 660), (654, 745)), ((644, 800), (610, 822), (560, 822)))
    body = canvas.polygon(mirrored(half, 470), cylinder(color))
    dip = curve((260, 640), ((340, 600), (400, 690), (480, 650)), ((560, 610), (610, 660), (690, 630)))
    canvas.polygon([*dip, (690, 830), (250, 830)], cylinder(accent), inside=body)
    canvas.soft([(330, 370), (372, 370), (382, 740), (350, 740)], WHITE, 0.42, blur=16, inside=body)
    canvas.ellipse((268, 280, 672, 362), cylinder(shade(color, 1.25)))
    inner = canvas.ellipse((284, 291, 656, 354), ((0, shade(color, 0.5)), (1, shade(color, 0.95))))
    canvas.ellipse((300, 318, 640, 380), ((0, rgb("#3a2116")), (1, rgb("#6b4029"))), inside=inner)


def teapot(canvas: Canvas, color: Color, accent: Color) -> None:
    """A round teapot with a bamboo handle."""
    canvas.shadow((500, 812), (300, 42))
    canvas.line(arc((500, 420), (208, 235), 170, 370), 26, cylinder(accent))
    canvas.line(arc((500, 414), (208, 235), 200, 300), 6, shade(accent, 1.45))
    spout = curve((690, 690), ((790, 680), (780, 520), (862, 440)), ((852, 430), (835, 428), (822, 432)))
    canvas.polygon([*spout, *curve((822, 432), ((750, 480), (740, 540), (670, 540)))], cylinder(color))
    half = curve((590, 430), ((760, 450), (800, 560), (770, 660)), ((750, 750), (680, 818), (590, 818)))
    body = canvas.polygon(mirrored(half), cylinder(color))
    canvas.soft(arc((500, 800), (300, 90), 0, 360), shade(color, 0.35), 0.5, blur=45, inside=body)
    canvas.glow((310, 480, 420, 680), WHITE, 0.55, blur=30, inside=body)
    canvas.ellipse((405, 404, 595, 456), cylinder(shade(color, 0.8)))
    canvas.polygon(
        mirrored(curve((500, 352), ((560, 355), (585, 395), (590, 425)), ((570, 446), (520, 448), (500, 448)))),
        cylinder(color),
    )
    canvas.ellipse((468, 318, 532, 374), ball(accent), vertical=True)
    for x in (296, 704):
        canvas.ellipse((x - 24, 440, x + 24, 488), ball(shade(color, 0.9)), vertical=True)


def table_lamp(canvas: Canvas, color: Color, accent: Color) -> None:
    """A table lamp with a linen shade and a turned foot, switched on."""
    canvas.shadow((500, 872), (210, 32))
    canvas.glow((180, 130, 820, 640), rgb("#ffe2a8"), 0.45, blur=80)
    foot = canvas.ellipse((345, 836, 655, 888), metal(accent))
    canvas.ellipse((345, 826, 655, 872), cylinder(accent), inside=None)
    canvas.glow((400, 832, 600, 866), WHITE, 0.25, blur=10, inside=foot)
    canvas.box((488, 470, 512, 640), 6, metal(BRASS))
    half = curve((520, 600), ((548, 640), (600, 680), (596, 750)), ((592, 810), (545, 830), (530, 846)))
    body = canvas.polygon(mirrored(half), cylinder(accent))
    canvas.glow((425, 650, 468, 800), WHITE, 0.6, blur=14, inside=body)
    cone = canvas.polygon([(365, 150), (635, 150), (745, 500), (255, 500)], cylinder(color))
    canvas.glow((330, 260, 670, 620), rgb("#fff3cf"), 0.85, blur=60, inside=cone)
    canvas.ellipse((255, 478, 745, 524), ((0, shade(color, 0.8)), (0.5, rgb("#fff0c4")), (1, shade(color, 0.7))))
    canvas.ellipse((275, 484, 725, 518), ((0, rgb("#e8c98a")), (0.5, rgb("#fffbe8")), (1, rgb("#d9b676"))))
    canvas.ellipse((365, 134, 635, 166), cylinder(shade(color, 0.92)))
    canvas.ellipse((378, 139, 622, 161), cylinder(shade(color, 0.7)))


def plant_pot(canvas: Canvas, color: Color, accent: Color) -> None:
    """A rubber plant in a ceramic pot."""
    canvas.shadow((500, 878), (220, 36))
    for side in (-1, 1):
        for x, y, reach, lift in ((500, 560, 250, 90), (500, 480, 270, 200), (500, 400, 190, 280), (500, 570, 170, 10)):
            _leaf(canvas, (x, y), side * reach, lift, shade(accent, 0.85 if side > 0 else 1.08))
    _leaf(canvas, (500, 420), 40, 320, accent)
    canvas.line([(500, 640), (500, 330)], 14, ball(rgb("#6c5a3c")))
    half = curve((665, 620), ((655, 740), (635, 830), (610, 872)), ((590, 886), (540, 888), (500, 888)))
    body = canvas.polygon(mirrored(half), cylinder(color))
    for y in range(690, 860, 28):
        canvas.line(arc((500, y - 20), (158 - (y - 690) * 0.24, 22), 8, 172), 3, shade(color, 0.7))
    canvas.glow((380, 660, 430, 860), WHITE, 0.5, blur=18, inside=body)
    canvas.ellipse((328, 586, 672, 656), cylinder(shade(color, 1.1)))
    canvas.ellipse((350, 594, 650, 646), ((0, rgb("#2d2018")), (1, rgb("#55402f"))))
    canvas.line([(500, 626), (500, 540)], 14, ball(rgb("#6c5a3c")))


def _leaf(canvas: Canvas, root: tuple[float, float], reach: float, lift: float, color: Color) -> None:
    x, y = root
    tip = (x + reach, y - lift)
    across = (lift * 0.42, reach * 0.42)
    upper = curve(
        root,
        (
            (x + reach * 0.3 - across[0], y - lift * 0.3 - across[1]),
            (tip[0] - reach * 0.2 - across[0] * 0.7, tip[1] + lift * 0.2 - across[1] * 0.7),
            tip,
        ),
    )
    lower = curve(
        tip,
        (
            (tip[0] - reach * 0.2 + across[0] * 0.7, tip[1] + lift * 0.2 + across[1] * 0.7),
            (x + reach * 0.3 + across[0], y - lift * 0.3 + across[1]),
            root,
        ),
    )
    canvas.polygon([*upper, *lower], ball(color), vertical=True)
    canvas.polygon([*lower, root], ((0, shade(color, 0.95)), (1, shade(color, 0.72))), vertical=True)
    canvas.line([root, tip], 4, shade(color, 1.4))


def chair(canvas: Canvas, color: Color, accent: Color) -> None:
    """A shell chair on four turned wooden legs."""
    canvas.shadow((500, 890), (270, 30), 0.26)
    for top, foot in (((420, 620), (350, 820)), ((590, 620), (665, 820))):
        canvas.line([top, foot], 22, ball(shade(accent, 0.62)))
    canvas.line([(380, 740), (630, 740)], 9, rgb("#35322f"))
    half = curve(
        (500, 130),
        ((640, 128), (700, 180), (712, 290)),
        ((722, 400), (700, 500), (668, 560)),
        ((620, 600), (560, 600), (500, 600)),
    )
    back = canvas.polygon(mirrored(half), cylinder(color))
    canvas.glow((330, 170, 470, 470), WHITE, 0.4, blur=45, inside=back)
    canvas.soft([(300, 520), (700, 520), (700, 640), (300, 640)], shade(color, 0.3), 0.65, blur=40, inside=back)
    seat = curve(
        (268, 520),
        ((330, 575), (670, 575), (732, 520)),
        ((765, 560), (745, 640), (660, 662)),
        ((560, 684), (440, 684), (340, 662)),
        ((255, 640), (235, 560), (268, 520)),
    )
    pan = canvas.polygon(seat, ((0, shade(color, 1.2)), (0.5, color), (1, shade(color, 0.66))), vertical=True)
    canvas.glow((320, 560, 640, 610), WHITE, 0.35, blur=24, inside=pan)
    for top, foot in (((360, 655), (268, 888)), ((640, 655), (732, 888))):
        canvas.polygon(
            [(top[0] - 18, top[1]), (top[0] + 18, top[1]), (foot[0] + 9, foot[1]), (foot[0] - 9, foot[1])],
            cylinder(accent),
        )


def water_bottle(canvas: Canvas, color: Color, accent: Color) -> None:
    """An insulated steel bottle with a carrying loop."""
    canvas.shadow((500, 902), (170, 30))
    canvas.line(arc((500, 150), (58, 62), 180, 360), 20, cylinder(accent))
    half = curve(
        (556, 262),
        ((566, 300), (640, 320), (640, 400)),
        ((640, 560), (640, 760), (640, 850)),
        ((640, 890), (620, 906), (590, 908)),
    )
    body = canvas.polygon(mirrored(half), cylinder(color))
    canvas.soft([(412, 400), (440, 400), (440, 860), (412, 860)], WHITE, 0.6, blur=12, inside=body)
    canvas.soft([(596, 400), (606, 400), (606, 860), (596, 860)], WHITE, 0.3, blur=8, inside=body)
    canvas.box((355, 845, 645, 920), 0, metal(STEEL), inside=body)
    canvas.box((440, 236, 560, 272), 6, metal(STEEL))
    canvas.box((428, 146, 572, 246), 18, cylinder(accent))
    for x in range(446, 570, 18):
        canvas.box((x, 160, x + 5, 236), 2, shade(accent, 0.72))
    canvas.polygon([(500, 560), (548, 640), (452, 640)], mix(color, WHITE, 0.75))
    canvas.polygon([(526, 590), (566, 640), (500, 640)], mix(color, WHITE, 0.5))


def perfume(canvas: Canvas, color: Color, accent: Color) -> None:
    """A perfume flacon of thick glass with a golden cap."""
    canvas.shadow((500, 860), (230, 32))
    glass = mix(color, WHITE, 0.62)
    outer = canvas.box(
        (300, 400, 700, 866),
        46,
        ((0, shade(glass, 0.78)), (0.08, shade(glass, 1.3)), (0.9, glass), (1, shade(glass, 0.7))),
    )
    liquid = canvas.box(
        (338, 470, 662, 812), 28, ((0, shade(color, 1.25)), (0.55, color), (1, shade(color, 0.78))), vertical=True
    )
    canvas.box((338, 430, 662, 500), 20, ((0, mix(glass, WHITE, 0.6)), (1, mix(glass, WHITE, 0.3))), vertical=True)
    canvas.ellipse((338, 484, 662, 512), shade(color, 1.38))
    canvas.soft([(350, 440), (400, 440), (372, 800), (350, 800)], WHITE, 0.75, blur=9, inside=outer)
    canvas.soft([(618, 520), (646, 520), (646, 800), (634, 800)], WHITE, 0.4, blur=10, inside=liquid)
    canvas.soft([(320, 835), (680, 835), (680, 850), (320, 850)], WHITE, 0.8, blur=6, inside=outer)
    canvas.box((412, 580, 588, 716), 4, ((0, rgb("#fdfbf6")), (1, rgb("#ece6da"))), vertical=True)
    canvas.box((424, 592, 576, 704), 2, rgb("#c8b48a"))
    canvas.box((427, 595, 573, 701), 1, ((0, rgb("#fdfbf6")), (1, rgb("#efe9de"))), vertical=True)
    canvas.line(arc((500, 640), (26, 26), 0, 360), 4, rgb("#8d7445"))
    canvas.line([(462, 684), (538, 684)], 4, rgb("#8d7445"))
    canvas.box((446, 356, 554, 404), 6, metal(shade(accent, 0.9)))
    canvas.box((404, 180, 596, 366), 20, metal(accent))
    canvas.box((404, 180, 596, 204), 12, cylinder(shade(accent, 1.25)))
