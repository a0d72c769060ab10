//! Plots: the figures → SVG files.

use std::io;
use std::path::Path;

use plotters::coord::ranged1d::{AsRangedCoord, SegmentValue, ValueFormatter};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::Results;
use crate::agents::Outcome;
use crate::batch::{FULL, Shape};
use crate::measure::{Costs, Measured, count};

const SIZE: (u32, u32) = (800, 420);
const FONT: &str = "sans-serif";

/// Colours that people who see fewer of them can tell apart (Okabe and Ito's palette).
const COLOURS: [RGBColor; 5] = [
    RGBColor(213, 94, 0),
    RGBColor(0, 114, 178),
    RGBColor(0, 158, 115),
    RGBColor(120, 120, 120),
    RGBColor(204, 121, 167),
];

/// A plot and its file.
#[derive(Debug)]
pub(super) struct Plot {
    /// The file's name.
    pub(super) file: &'static str,
    /// What it shows.
    pub(super) title: &'static str,
    /// A corner that no line goes through.
    legend: SeriesLabelPosition,
}

const PEERS: Plot = Plot {
    file: "bench-peers.svg",
    title: "CPU time for 11,000 samples, in milliseconds (less is better)",
    legend: SeriesLabelPosition::LowerRight,
};
const CPU: Plot = Plot {
    file: "bench-cpu-per-sample.svg",
    title: "CPU time for a sample against batch size, in microseconds (both axes logarithmic)",
    legend: SeriesLabelPosition::UpperRight,
};
const MEMORY: Plot = Plot {
    file: "bench-memory.svg",
    title: "Peak memory against batch size, in MB",
    legend: SeriesLabelPosition::UpperLeft,
};

/// All plots in their order.
pub(super) const PLOTS: [Plot; 3] = [PEERS, CPU, MEMORY];

/// Draws all plots into `folder`.
pub(super) fn draw(results: &Results, folder: &Path) -> io::Result<()> {
    let failed = |error: Box<dyn std::error::Error>| io::Error::other(error.to_string());
    bars(&full_batch(results), &folder.join(PEERS.file)).map_err(failed)?;
    let per_sample =
        |costs: &Costs, measured: &Measured| costs.cpu_ms.median * 1e3 / count(measured.batch.samples);
    let per_sample = lines(results, per_sample);
    let most = top(&per_sample);
    let range = (0.1..most * 2.0).log_scale();
    against_batch_size(&CPU, "µs per sample", &folder.join(CPU.file), &per_sample, range).map_err(failed)?;
    let memory = lines(results, |costs, _| costs.peak_mb);
    let range = 0.0..top(&memory) * 1.1;
    against_batch_size(&MEMORY, "MB", &folder.join(MEMORY.file), &memory, range).map_err(failed)
}

/// A subject's name and its points: records and figure.
type Line = (String, Vec<(f64, f64)>);

fn lines(results: &Results, figure: impl Fn(&Costs, &Measured) -> f64) -> Vec<Line> {
    let usual = || results.batches.iter().filter(|measured| measured.batch.shape == Shape::Usual);
    let line = |(at, subject): (usize, &crate::subject::Subject)| {
        let point = |measured: &Measured| {
            let costs = measured.costs.get(at)?;
            Some((count(measured.batch.records), figure(costs, measured)))
        };
        (subject.name.clone(), usual().filter_map(point).collect())
    };
    results.subjects.iter().enumerate().map(line).collect()
}

fn top(lines: &[Line]) -> f64 {
    lines.iter().flat_map(|(_, points)| points).map(|point| point.1).fold(1.0, f64::max)
}

fn against_batch_size<Y>(
    plot: &Plot,
    unit: &str,
    file: &Path,
    lines: &[Line],
    range: Y,
) -> Result<(), Box<dyn std::error::Error>>
where
    Y: AsRangedCoord<Value = f64>,
    Y::CoordDescType: ValueFormatter<f64> + Ranged<ValueType = f64>,
{
    let root = SVGBackend::new(file, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(plot.title, (FONT, 17))
        .margin(12)
        .x_label_area_size(42)
        .y_label_area_size(58)
        .build_cartesian_2d((0.8..8_000.0).log_scale(), range)?;
    chart
        .configure_mesh()
        .x_desc("records in the batch")
        .x_label_formatter(&|records| format!("{records:.0}"))
        .y_desc(unit)
        .y_label_formatter(&|figure| figure.to_string())
        .label_style((FONT, 13))
        .light_line_style(WHITE)
        .draw()?;
    for ((name, points), colour) in lines.iter().zip(COLOURS) {
        let line = LineSeries::new(points.iter().copied(), colour.stroke_width(2)).point_size(3);
        chart
            .draw_series(line)?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(plot.legend.clone())
        .background_style(WHITE)
        .border_style(RGBColor(200, 200, 200))
        .label_font((FONT, 13))
        .draw()?;
    root.present()?;
    Ok(())
}

/// What is done for a full batch of the usual shape: functions, floor, servers.
fn full_batch(results: &Results) -> Vec<(String, f64)> {
    let is_full =
        |measured: &&Measured| (measured.batch.shape, measured.batch.records) == (Shape::Usual, FULL);
    let Some(full) = results.batches.iter().find(is_full) else { return Vec::new() };
    let functions = results.subjects.iter().zip(&full.costs);
    let mut bars: Vec<_> =
        functions.map(|(subject, costs)| (subject.name.clone(), costs.cpu_ms.median)).collect();
    bars.push(("floor".to_owned(), full.floor_ms.median));
    for outcome in &results.agents {
        if let Outcome::Measured(costs) = outcome {
            bars.push((format!("{} (part of the job)", costs.name), costs.cpu_ms.median));
        }
    }
    bars
}

/// Horizontal bars, one for each subject.
fn bars(bars: &[(String, f64)], file: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let most = bars.iter().map(|bar| bar.1).fold(1.0, f64::max);
    let rows = bars.len().max(1);
    let root = SVGBackend::new(file, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(PEERS.title, (FONT, 17))
        .margin(12)
        .x_label_area_size(30)
        .y_label_area_size(270)
        .build_cartesian_2d(0.0..most * 1.12, (0..rows - 1).into_segmented())?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .x_label_formatter(&|figure| figure.to_string())
        .y_label_formatter(&|_| String::new())
        .light_line_style(WHITE)
        .label_style((FONT, 13))
        .draw()?;
    for (at, (_, figure)) in bars.iter().enumerate() {
        // The first subject is on top.
        let row = rows - 1 - at;
        let colour = if at == 0 { COLOURS[0] } else { COLOURS[1] };
        let corners = [(0.0, SegmentValue::Exact(row)), (*figure, SegmentValue::Exact(row + 1))];
        let mut bar = Rectangle::new(corners, colour.filled());
        bar.set_margin(4, 4, 0, 0);
        chart.draw_series([bar])?;
        let beside = TextStyle::from((FONT, 13)).pos(Pos::new(HPos::Left, VPos::Center));
        let text = format!("{figure:.1}");
        chart.draw_series([Text::new(text, (figure + most * 0.01, SegmentValue::CenterOf(row)), beside)])?;
    }
    let name_style = TextStyle::from((FONT, 13)).pos(Pos::new(HPos::Right, VPos::Center));
    for (at, (name, _)) in bars.iter().enumerate() {
        let row = SegmentValue::CenterOf(rows - 1 - at);
        let (x, y) = chart.backend_coord(&(0.0, row));
        root.draw(&Text::new(name.clone(), (x - 8, y), name_style.clone()))?;
    }
    root.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_plot_names_what_it_shows() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("plot.svg");
        let drawn = || std::fs::read_to_string(&file).expect("it was written");
        bars(&[("one".to_owned(), 7.0), ("another".to_owned(), 53.5)], &file).expect("it can be drawn");
        assert!(drawn().contains("another") && drawn().contains("53.5"));
        let lines = [("one".to_owned(), vec![(1.0, 190.0), (100.0, 2.7), (5_500.0, 0.6)])];
        let range = (0.1..400.0).log_scale();
        against_batch_size(&CPU, "µs per sample", &file, &lines, range).expect("it can be drawn");
        assert!(drawn().contains("one") && drawn().contains("µs per sample"));
        against_batch_size(&MEMORY, "MB", &file, &lines, 0.0..200.0).expect("it can be drawn");
        assert!(drawn().contains("MB"));
    }
}
