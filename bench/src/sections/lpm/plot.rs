//! A drawing of curves, both axes logarithmic.

use std::fmt::Write;

/// A line through points.
#[derive(Clone, Debug)]
pub(super) struct Curve {
    pub(super) label: String,
    pub(super) colour: &'static str,
    /// As SVG's `stroke-dasharray`; nothing for a whole line.
    pub(super) dashes: &'static str,
    pub(super) points: Vec<(f64, f64)>,
}

/// Curves that share their axes.
#[derive(Clone, Debug)]
pub(super) struct Panel {
    pub(super) title: &'static str,
    pub(super) curves: Vec<Curve>,
}

const WIDTH: f64 = 340.0;
const HEIGHT: f64 = 240.0;
/// Room beside the axes, for what stands there.
const LEFT: f64 = 46.0;
const TOP: f64 = 34.0;
const BELOW: f64 = 100.0;
const GAP: f64 = 20.0;

/// The panels beside each other, as an SVG picture.
pub(super) fn plot(below: &str, panels: &[Panel]) -> String {
    let width = (LEFT + WIDTH + GAP) * panels.len() as f64;
    let height = TOP + HEIGHT + BELOW;
    let mut svg = String::new();
    // Writing to a string does not fail.
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>"
    );
    for (at, panel) in panels.iter().enumerate() {
        draw(&mut svg, LEFT + (LEFT + WIDTH + GAP) * at as f64, below, panel);
    }
    svg + "</svg>"
}

/// The powers of ten that enclose some numbers.
fn decades(numbers: impl Iterator<Item = f64> + Clone) -> (i32, i32) {
    let least = numbers.clone().fold(f64::MAX, f64::min).log10().floor() as i32;
    let most = numbers.fold(f64::MIN, f64::max).log10().ceil() as i32;
    (least, most.max(least + 1))
}

fn draw(svg: &mut String, left: f64, below: &str, panel: &Panel) {
    let points = || panel.curves.iter().flat_map(|curve| curve.points.iter().copied()).filter(|(_, y)| *y > 0.0);
    if points().next().is_none() {
        return;
    }
    let (columns, rows) = (decades(points().map(|(x, _)| x)), decades(points().map(|(_, y)| y)));
    let place = |number: f64, (from, to): (i32, i32)| (number.log10() - f64::from(from)) / f64::from(to - from);
    let x = |number: f64| left + WIDTH * place(number, columns);
    let y = |number: f64| TOP + HEIGHT * (1.0 - place(number, rows));
    let _ = writeln!(svg, "<text x=\"{left}\" y=\"{}\" font-weight=\"bold\">{}</text>", TOP - 14.0, panel.title);
    for decade in columns.0..=columns.1 {
        let (at, bottom) = (x(10_f64.powi(decade)), TOP + HEIGHT);
        let _ = writeln!(svg, "<path d=\"M{at:.1} {TOP}V{bottom}\" stroke=\"#ddd\"/>");
        let _ = writeln!(svg, "<text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>", bottom + 14.0, short(decade));
    }
    for decade in rows.0..=rows.1 {
        let at = y(10_f64.powi(decade));
        let _ = writeln!(svg, "<path d=\"M{left} {at:.1}h{WIDTH}\" stroke=\"#ddd\"/>");
        let _ = writeln!(svg, "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>", left - 5.0, at + 4.0, short(decade));
    }
    let middle = left + WIDTH / 2.0;
    let _ = writeln!(svg, "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{below}</text>", TOP + HEIGHT + 30.0);
    // What has not been measured has no place in the legend either.
    for (at, curve) in panel.curves.iter().filter(|curve| !curve.points.is_empty()).enumerate() {
        let points: Vec<_> = curve.points.iter().map(|(one, other)| format!("{:.1},{:.1}", x(*one), y(*other))).collect();
        let style =
            format!("fill=\"none\" stroke=\"{}\" stroke-width=\"1.8\" stroke-dasharray=\"{}\"", curve.colour, curve.dashes);
        let _ = writeln!(svg, "<polyline points=\"{}\" {style}/>", points.join(" "));
        let line = TOP + HEIGHT + 46.0 + 14.0 * at as f64;
        let _ = writeln!(svg, "<path d=\"M{left} {line}h26\" {style}/>");
        let _ = writeln!(svg, "<text x=\"{}\" y=\"{}\">{}</text>", left + 32.0, line + 4.0, curve.label);
    }
}

/// A power of ten in few letters.
fn short(decade: i32) -> String {
    match decade {
        ..0 => format!("{}", 10_f64.powi(decade)),
        0..3 => 10_i64.pow(decade as u32).to_string(),
        3..6 => format!("{} k", 10_i64.pow(decade as u32 - 3)),
        _ => format!("{} M", 10_f64.powi(decade - 6)),
    }
}
