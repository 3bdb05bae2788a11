//! How does a figure become a picture? Bars with intervals and lines as SVG, coloured by the page's style.

use super::Estimate;

/// Width of a picture; the page scales it. Text is 12 units high, so that it stays readable on a phone.
const WIDTH: f64 = 360.0;
/// Room for the axis below.
const AXIS: f64 = 20.0;

pub struct Bar {
    /// Beside the bar; empty when a legend says it.
    pub label: String,
    /// Class of the method's colour.
    pub colour: String,
    pub estimate: Estimate,
}

pub struct Group {
    /// Above the bars; empty for none.
    pub title: String,
    pub bars: Vec<Bar>,
}

pub struct Line {
    pub label: String,
    pub colour: String,
    /// x and y, rising in x.
    pub points: Vec<(f64, f64)>,
}

/// Horizontal bars from 0 with their intervals, in groups one below the other.
pub fn bars(title: &str, groups: &[Group]) -> String {
    let all = || groups.iter().flat_map(|group| &group.bars);
    let has_labels = all().any(|bar| !bar.label.is_empty());
    let (left, right) = (if has_labels { 92.0 } else { 2.0 }, WIDTH - 46.0);
    let (thick, pitch) = if has_labels { (14.0, 24.0) } else { (8.0, 14.0) };
    let (step, most) = ticks(all().map(|bar| bar.estimate.high.max(bar.estimate.mean)).fold(0.0, f64::max));
    let x = |value: f64| left + (right - left) * (value / most).clamp(0.0, 1.0);

    let mut marks = String::new();
    let mut y = 4.0;
    for group in groups {
        if !group.title.is_empty() {
            y += 18.0;
            marks += &words(0.0, y - 4.0, "start", "", &group.title);
        }
        for bar in &group.bars {
            let (e, middle) = (bar.estimate, y + pitch / 2.0);
            if has_labels {
                marks += &words(left - 8.0, middle + 4.0, "end", "", &bar.label);
            }
            marks += &format!(
                "<rect class=\"{}\" x=\"{left:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{thick}\" rx=\"2\"/>",
                bar.colour,
                middle - thick / 2.0,
                x(e.mean) - left
            );
            if e.high > e.low {
                marks += &format!(
                    "<path class=\"whisker\" d=\"M{0:.1} {2:.1}H{1:.1}M{0:.1} {3:.1}v6M{1:.1} {3:.1}v6\"/>",
                    x(e.low),
                    x(e.high),
                    middle,
                    middle - 3.0
                );
            }
            marks += &words(WIDTH, middle + 4.0, "end", "number", &figure(e.mean));
            y += pitch;
        }
        y += 6.0;
    }
    let mut grid = String::new();
    for at in steps(step, most) {
        grid += &format!("<path class=\"grid\" d=\"M{:.1} 2V{:.1}\"/>", x(at), y);
        grid += &words(x(at), y + 14.0, "middle", "tick", &tick(at, step));
    }
    picture(title, y + AXIS, &(grid + &marks))
}

/// Lines with a point at each x, named at their right end.
pub fn lines(title: &str, x_name: &str, series: &[Line]) -> String {
    let points = || series.iter().flat_map(|line| &line.points);
    let (left, right, top, bottom) = (34.0, WIDTH - 84.0, 8.0, 214.0);
    let (step, most) = ticks(points().map(|(_, y)| *y).fold(0.0, f64::max));
    let last = points().map(|(x, _)| *x).fold(1.0, f64::max);
    let x = |value: f64| left + (right - left) * value / last;
    let y = |value: f64| bottom - (bottom - top) * value / most;

    let mut marks = String::new();
    for at in steps(step, most) {
        marks += &format!("<path class=\"grid\" d=\"M{left:.1} {0:.1}H{right:.1}\"/>", y(at));
        marks += &words(left - 6.0, y(at) + 4.0, "end", "tick", &tick(at, step));
    }
    for (at, _) in series.first().map_or(&[][..], |line| &line.points) {
        marks += &words(x(*at), bottom + 16.0, "middle", "tick", &format!("{at}"));
    }
    marks += &words(right, bottom + 32.0, "end", "tick", x_name);
    for line in series {
        let path: Vec<String> =
            line.points.iter().map(|(a, b)| format!("{:.1} {:.1}", x(*a), y(*b))).collect();
        marks += &format!("<path class=\"line {}\" d=\"M{}\"/>", line.colour, path.join("L"));
        for (a, b) in &line.points {
            marks += &format!(
                "<circle class=\"{}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\"/>",
                line.colour,
                x(*a),
                y(*b)
            );
        }
    }
    // Names from the bottom up, each at least a line of text above the one before.
    let mut ends: Vec<(&Line, f64)> =
        series.iter().filter_map(|line| Some((line, y(line.points.last()?.1)))).collect();
    ends.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut highest = bottom + 14.0;
    for (line, end) in ends {
        highest = end.min(highest - 14.0);
        marks += &words(right + 8.0, highest + 4.0, "start", &line.colour, &line.label);
    }
    picture(title, bottom + 38.0, &marks)
}

/// Text that is safe in HTML.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A figure: three digits, or whole when it is money.
fn figure(value: f64) -> String {
    if value.abs() >= 100.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}

/// A tick, as short as the distance between ticks lets it be.
pub fn tick(value: f64, step: f64) -> String {
    let digits = (-step.log10().floor()).max(0.0) as usize;
    format!("{value:.digits$}")
}

pub fn words(x: f64, y: f64, anchor: &str, class: &str, text: &str) -> String {
    format!(
        "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>",
        escaped(text)
    )
}

fn picture(title: &str, height: f64, marks: &str) -> String {
    let title = escaped(title);
    format!("<svg viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" aria-label=\"{title}\">{marks}</svg>")
}

/// Distance between ticks, 1, 2 or 5 times a power of ten, and the end of an axis that holds `largest`.
pub fn ticks(largest: f64) -> (f64, f64) {
    let rough = if largest > 0.0 && largest.is_finite() { largest / 4.0 } else { 0.25 };
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|s| s * power).into_iter().find(|s| *s >= rough * 0.999);
    let step = step.unwrap_or(power * 10.0);
    (step, (largest / step - 1e-9).ceil().max(1.0) * step)
}

pub fn steps(step: f64, most: f64) -> impl Iterator<Item = f64> {
    (0..=(most / step).round() as usize).map(move |count| count as f64 * step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_on_a_round_tick() {
        let close = |got: (f64, f64), step: f64, most: f64| {
            assert!((got.0 - step).abs() < 1e-9 && (got.1 - most).abs() < 1e-9, "{got:?}");
        };
        close(ticks(0.53), 0.2, 0.6);
        close(ticks(0.4), 0.1, 0.4);
        close(ticks(1830.0), 500.0, 2000.0);
        close(ticks(0.0), 0.5, 0.5);
        assert_eq!(steps(0.5, 1.0).collect::<Vec<_>>(), [0.0, 0.5, 1.0]);
        assert_eq!([tick(0.15, 0.05), tick(0.6, 0.2), tick(1500.0, 500.0)], ["0.15", "0.6", "1500"]);
    }

    #[test]
    fn a_bar_is_as_long_as_its_mean() {
        let estimate = Estimate { mean: 0.5, low: 0.25, high: 1.0 };
        let bar = Bar { label: "a<b".to_owned(), colour: "mine".to_owned(), estimate };
        let svg = bars("HR@1", &[Group { title: String::new(), bars: vec![bar] }]);
        // Bars run from 92 to 314, 222 units for 0 to 1.
        assert!(svg.contains("width=\"111.0\"") && svg.contains("M147.5 "), "{svg}");
        assert!(svg.contains("a&lt;b") && svg.contains("H314.0") && svg.contains(">0.500<"));
    }

    #[test]
    fn names_at_the_ends_of_lines_do_not_cover_each_other() {
        let line = |label: &str, end| Line {
            label: label.to_owned(),
            colour: String::new(),
            points: vec![(1.0, 0.1), (20.0, end)],
        };
        let svg = lines("HR", "k", &[line("first", 0.4), line("second", 0.4)]);
        let heights: Vec<f64> = ["first", "second"]
            .iter()
            .map(|label| {
                let before = &svg[..svg.find(&format!(">{label}<")).unwrap()];
                let y = before.rsplit("y=\"").next().unwrap();
                y[..y.find('"').unwrap()].parse().unwrap()
            })
            .collect();
        assert!((heights[0] - heights[1]).abs() >= 13.9, "{heights:?}");
    }
}
