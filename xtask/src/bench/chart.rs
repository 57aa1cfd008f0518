//! Bar charts as SVG: no script, readable on a light and a dark page, and described in words.

use std::fmt::Write as _;

/// One bar.
pub(super) struct Bar<'a> {
    pub(super) label: &'a str,
    /// Its length; 0 or more.
    pub(super) value: f64,
    /// The value as it is written at its end.
    pub(super) text: String,
    /// Stands out from the others.
    pub(super) is_ours: bool,
}

/// Bars below each other, from one base line, in this order.
pub(super) struct Chart<'a> {
    pub(super) title: String,
    /// What the bars say, in words.
    pub(super) description: String,
    pub(super) bars: Vec<Bar<'a>>,
}

const WIDTH: f64 = 720.0;
/// Where bars start: right of the longest label.
const BASE: f64 = 220.0;
/// What the text at the end of the longest bar takes.
const END: f64 = 70.0;
const TOP: f64 = 48.0;
const ROW: f64 = 30.0;
const BAR: f64 = 20.0;

/// It brings its own page, so that it is readable on any; light, or dark where the viewer says so.
const STYLE: &str = "text { font: 14px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #24292f } \
     .title { font-weight: 600; font-size: 15px } .ours { font-weight: 600 } \
     .bar { fill: #8c959f } .bar.ours { fill: #0969da } .base { stroke: #8c959f } .page { fill: #ffffff } \
     @media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .bar { fill: #6e7681 } \
     .bar.ours { fill: #58a6ff } .base { stroke: #6e7681 } .page { fill: #0d1117 } }";

impl Chart<'_> {
    /// The drawing: a document of its own.
    pub(super) fn svg(&self) -> String {
        let height = TOP + ROW * self.bars.len() as f64 + 12.0;
        let (title, description) = (escaped(&self.title), escaped(&self.description));
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
             height=\"{height}\" role=\"img\" aria-labelledby=\"title description\">\n\
             <title id=\"title\">{title}</title>\n<desc id=\"description\">{description}</desc>\n\
             <style>{STYLE}</style>\n\
             <rect class=\"page\" width=\"{WIDTH}\" height=\"{height}\" rx=\"6\"/>\n\
             <text class=\"title\" x=\"12\" y=\"28\">{title}</text>\n"
        );
        let longest = self.bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
        for (index, bar) in self.bars.iter().enumerate() {
            bar.draw(&mut svg, TOP + ROW * index as f64, longest);
        }
        let end = height - 8.0;
        // Writing to a string does not fail.
        let _ = writeln!(
            svg,
            "<line class=\"base\" x1=\"{BASE}\" y1=\"{TOP}\" x2=\"{BASE}\" y2=\"{end}\"/>\n</svg>"
        );
        svg
    }
}

impl Bar<'_> {
    fn draw(&self, svg: &mut String, top: f64, longest: f64) {
        let room = WIDTH - BASE - END;
        // A value that is hardly anything is still seen.
        let length = if longest > 0.0 { (self.value / longest * room).max(1.0) } else { 1.0 };
        let ours = if self.is_ours { " ours" } else { "" };
        let (label, text) = (escaped(self.label), escaped(&self.text));
        let (bar_top, line) = (top + (ROW - BAR) / 2.0, top + ROW / 2.0 + 5.0);
        let (before, after) = (BASE - 10.0, BASE + length + 8.0);
        // Writing to a string does not fail.
        let _ = writeln!(
            svg,
            "<text class=\"label{ours}\" x=\"{before}\" y=\"{line}\" text-anchor=\"end\">{label}</text>\n\
             <rect class=\"bar{ours}\" x=\"{BASE}\" y=\"{bar_top}\" width=\"{length:.1}\" height=\"{BAR}\" rx=\"2\"/>\n\
             <text class=\"value{ours}\" x=\"{after:.1}\" y=\"{line}\">{text}</text>"
        );
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(label: &str, value: f64) -> Bar<'_> {
        Bar { label, value, text: value.to_string(), is_ours: label == "ours" }
    }

    fn widths(svg: &str) -> Vec<f64> {
        let rectangles = svg.lines().filter(|line| line.starts_with("<rect class=\"bar"));
        rectangles
            .map(|line| line.split("width=\"").nth(1).unwrap().split('"').next().unwrap())
            .map(|width| width.parse().unwrap())
            .collect()
    }

    #[test]
    fn bars_are_as_long_as_their_values_say() {
        let bars = vec![bar("ours", 200.0), bar("half", 100.0), bar("none", 0.0)];
        let svg = Chart { title: "t".into(), description: "d".into(), bars }.svg();
        let [longest, half, none] = widths(&svg)[..] else { panic!("three bars: {svg}") };
        assert!((longest - half * 2.0).abs() < 0.2, "{svg}");
        assert!(longest <= WIDTH - BASE - END && none >= 1.0, "{svg}");
        assert_eq!(svg.matches("class=\"bar ours\"").count(), 1);
    }

    #[test]
    fn words_describe_it_and_cannot_break_it() {
        let bars = vec![bar("<script>", 1.0)];
        let svg = Chart { title: "a & b".into(), description: "x < y".into(), bars }.svg();
        assert!(svg.contains("<title id=\"title\">a &amp; b</title>"), "{svg}");
        assert!(svg.contains("<desc id=\"description\">x &lt; y</desc>"), "{svg}");
        assert!(svg.contains("&lt;script&gt;") && !svg.contains("<script"), "{svg}");
        assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
    }
}
