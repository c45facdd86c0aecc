//! Shows records as they end, and the sum.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use super::trace::{Ended, Hop, Trace, What};
use crate::console::{End, visible, write_json};

pub(super) struct Report<'a, W> {
    out: &'a mut W,
    json: bool,
    waiting: ProgressBar,
    arrived: usize,
    stopped: usize,
    slowest: Duration,
}

/// One record as JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    region: &'a str,
    what: &'static str,
    name: &'a str,
    event_source: String,
    event_name: &'static str,
    /// `arrived` or `stopped`.
    outcome: &'static str,
    /// Seconds after the call at which it was seen there.
    reached: BTreeMap<Hop, f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped_at: Option<Hop>,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    todo: Option<&'a str>,
}

impl<'a, W: Write> Report<'a, W> {
    pub(super) fn new(out: &'a mut W, json: bool) -> Self {
        let shown = !json && io::stderr().is_terminal();
        let target = if shown { ProgressDrawTarget::stderr_with_hz(5) } else { ProgressDrawTarget::hidden() };
        let waiting = ProgressBar::with_draw_target(None, target);
        let style = ProgressStyle::with_template("{spinner} {elapsed} {msg}");
        waiting.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        Self { out, json, waiting, arrived: 0, stopped: 0, slowest: Duration::ZERO }
    }

    /// A line that is no result, for people only.
    pub(super) fn say(&mut self, line: &str) -> io::Result<()> {
        if self.json { Ok(()) } else { writeln!(self.out, "{}", visible(line)) }
    }

    /// What is still waited for.
    pub(super) fn wait(&self, traces: &[Trace]) {
        let left: Vec<_> = traces.iter().filter(|trace| trace.is_under_way()).collect();
        let first = left
            .first()
            .map_or(String::new(), |trace| format!(", {} in {}", trace.what.as_str(), trace.region));
        self.waiting.set_message(format!("waiting for {} of {}{first}", left.len(), traces.len()));
        self.waiting.tick();
    }

    /// A record that has ended.
    pub(super) fn ended(&mut self, trace: &Trace) -> io::Result<()> {
        let Some(ended) = &trace.ended else { return Ok(()) };
        match ended {
            Ended::Arrived => self.arrived = self.arrived.saturating_add(1),
            Ended::Stopped(_) => self.stopped = self.stopped.saturating_add(1),
        }
        let last = trace.reached.values().max().copied().unwrap_or_default();
        if *ended == Ended::Arrived {
            self.slowest = self.slowest.max(last);
        }
        match self.json {
            true => write_json(self.out, &row(trace, ended)),
            false => {
                let out = &mut *self.out;
                self.waiting.suspend(|| write_line(out, trace, ended, last))
            }
        }
    }

    /// The sum.
    pub(super) fn end(self, deleted: usize) -> io::Result<End> {
        self.waiting.finish_and_clear();
        let Self { out, json, arrived, stopped, slowest, .. } = self;
        if !json {
            let slowest = if arrived > 0 {
                format!("; the slowest took {} s", slowest.as_secs())
            } else {
                String::new()
            };
            writeln!(out, "\narrived: {arrived}, stopped: {stopped}{slowest}; deleted: {deleted} resources")?;
        }
        Ok(if stopped == 0 { End::Done } else { End::Failed })
    }
}

fn row<'a>(trace: &'a Trace, ended: &'a Ended) -> Row<'a> {
    let (service, event_name) = trace.what.call();
    let (outcome, stop) = match ended {
        Ended::Arrived => ("arrived", None),
        Ended::Stopped(stop) => ("stopped", Some(stop)),
    };
    Row {
        region: &trace.region,
        what: trace.what.as_str(),
        name: &trace.name,
        event_source: format!("{service}.amazonaws.com"),
        event_name,
        outcome,
        reached: trace
            .reached
            .iter()
            .map(|(hop, after)| (*hop, (after.as_secs_f64() * 10.0).round() / 10.0))
            .collect(),
        stopped_at: stop.map(|stop| stop.hop),
        found: stop.map(|stop| stop.found.as_str()),
        todo: stop.map(|stop| stop.todo.as_str()),
    }
}

fn write_line(out: &mut impl Write, trace: &Trace, ended: &Ended, last: Duration) -> io::Result<()> {
    let (good, bad, dim) =
        (AnsiColor::Green.on_default(), AnsiColor::Red.on_default(), Style::new().dimmed());
    let (region, what) = (&trace.region, trace.what.as_str());
    match ended {
        Ended::Arrived => {
            let done = if trace.what == What::Session { "recorded" } else { "tagged" };
            writeln!(out, "{region:<15} {what:<15} {good}{done}{good:#} after {} s", last.as_secs())
        }
        Ended::Stopped(stop) => {
            let (hop, found, todo) = (stop.hop.as_str(), visible(&stop.found), visible(&stop.todo));
            writeln!(out, "{region:<15} {what:<15} {bad}stopped{bad:#} at {hop}: {found}")?;
            let came: Vec<_> = trace
                .reached
                .iter()
                .map(|(hop, after)| format!("{} after {} s", hop.as_str(), after.as_secs()))
                .collect();
            if !came.is_empty() {
                writeln!(out, "{:32}{dim}seen at {}{dim:#}", "", came.join(", "))?;
            }
            writeln!(out, "{:32}→ {todo}", "")
        }
    }
}
