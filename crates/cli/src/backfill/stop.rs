//! Ctrl-C and SIGTERM: whoever works looks here between two pieces, and ends.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::console::INTERRUPTED;

#[derive(Clone, Debug, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Listens from now on. A second signal ends the process at once.
    pub(super) fn listen() -> io::Result<Self> {
        let stop = Self::default();
        for signal in [SIGINT, SIGTERM] {
            flag::register_conditional_shutdown(signal, i32::from(INTERRUPTED), stop.0.clone())?;
            flag::register(signal, stop.0.clone())?;
        }
        Ok(stop)
    }

    pub(super) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Asks for it from within: others need not go on.
    pub(super) fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// An error, if it is asked for.
    pub(super) fn check(&self) -> io::Result<()> {
        match self.is_asked() {
            true => Err(io::Error::other("interrupted")),
            false => Ok(()),
        }
    }
}

/// Ends early when it is asked to.
pub(super) struct Stopping<R> {
    inner: R,
    stop: Stop,
}

impl<R> Stopping<R> {
    pub(super) fn new(inner: R, stop: &Stop) -> Self {
        Self { inner, stop: stop.clone() }
    }
}

impl<R: Read> Read for Stopping<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stop.check()?;
        self.inner.read(buffer)
    }
}
