//! How far the reading is: a bar on a terminal, else a line from time to time.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::console::complain;

/// Work that is done sooner shows nothing.
const SHORT: Duration = Duration::from_secs(1);
/// Between two lines where there is no terminal.
const BETWEEN_LINES: Duration = Duration::from_secs(30);
const TICK: Duration = Duration::from_millis(100);

/// What threads count.
pub(in crate::backfill) struct Progress {
    files: AtomicU64,
    bytes: AtomicU64,
    kept: AtomicU64,
    total: AtomicU64,
    total_is_known: AtomicBool,
    has_ended: AtomicBool,
    bar: ProgressBar,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            files: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            kept: AtomicU64::new(0),
            total: AtomicU64::new(0),
            total_is_known: AtomicBool::new(false),
            has_ended: AtomicBool::new(false),
            bar: ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()),
        }
    }
}

impl Progress {
    pub(super) fn is_shown() -> bool {
        std::io::stderr().is_terminal()
    }

    /// A file of so many bytes, as it is packed, is done.
    pub(super) fn add(&self, bytes: u64) {
        self.files.fetch_add(1, Relaxed);
        self.bytes.fetch_add(bytes, Relaxed);
    }

    /// So many records more are kept.
    pub(super) fn kept(&self, count: usize) {
        self.kept.fetch_add(u64::try_from(count).unwrap_or_default(), Relaxed);
    }

    /// So many bytes more are to be read.
    pub(super) fn add_total(&self, bytes: u64) {
        self.total.fetch_add(bytes, Relaxed);
    }

    pub(super) fn total_is_known(&self) {
        self.total_is_known.store(true, Relaxed);
    }

    pub(super) fn files(&self) -> u64 {
        self.files.load(Relaxed)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    pub(super) fn end(&self) {
        self.has_ended.store(true, Relaxed);
    }

    /// Shows it until the end.
    pub(super) fn show(&self) {
        let (began, mut last_line) = (Instant::now(), Instant::now());
        while !self.has_ended.load(Relaxed) {
            // Whoever ends it wakes it.
            thread::park_timeout(TICK);
            if began.elapsed() < SHORT {
                continue;
            }
            if Self::is_shown() {
                self.draw();
            } else if last_line.elapsed() > BETWEEN_LINES {
                last_line = Instant::now();
                complain(&self.line(began.elapsed()));
            }
        }
        self.bar.finish_and_clear();
    }

    /// Makes room for a line.
    pub(super) fn around(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }

    fn draw(&self) {
        if self.bar.is_hidden() {
            self.bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(5));
        }
        let known = self.total_is_known.load(Relaxed);
        let (of, left) = if known { (" of {total_bytes}", ", {eta} left") } else { ("", "") };
        let template = format!("{{msg}}, {{bytes}}{of} in {{elapsed}}, {{bytes_per_sec}}{left}");
        let style = ProgressStyle::with_template(&template);
        self.bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        if known {
            self.bar.set_length(self.total.load(Relaxed));
        }
        self.bar.set_position(self.bytes());
        let (files, kept) = (HumanCount(self.files()), HumanCount(self.kept.load(Relaxed)));
        self.bar.set_message(format!("{files} files, {kept} records kept"));
    }

    fn line(&self, elapsed: Duration) -> String {
        let (files, kept) = (HumanCount(self.files()), HumanCount(self.kept.load(Relaxed)));
        let (bytes, elapsed) = (HumanBytes(self.bytes()), HumanDuration(elapsed));
        format!("{files} files, {bytes} read in {elapsed}, {kept} records kept")
    }
}
