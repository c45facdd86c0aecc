//! Ctrl-C: whoever works looks here between two pieces, and ends.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Clone)]
pub(in crate::backfill) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// One that signals ask for. Where they cannot be waited for, they end the process, as they always did.
    pub(in crate::backfill) fn on_signals() -> Self {
        let stop = Self(Arc::new(AtomicBool::new(false)));
        let asked = stop.clone();
        std::thread::spawn(move || {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else {
                return;
            };
            if runtime.block_on(signal()).is_ok() {
                asked.ask();
            }
        });
        stop
    }

    pub(in crate::backfill) fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(in crate::backfill) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(unix)]
async fn signal() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let terminated = async {
        terminate.recv().await;
        Ok(())
    };
    let interrupted = tokio::signal::ctrl_c();
    futures_util::future::select(std::pin::pin!(terminated), std::pin::pin!(interrupted))
        .await
        .factor_first()
        .0
}

#[cfg(not(unix))]
async fn signal() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}

/// Ends early when it is asked to.
pub(in crate::backfill) struct Stopping<R> {
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
        match self.stop.is_asked() {
            true => Err(io::Error::other("interrupted")),
            false => self.inner.read(buffer),
        }
    }
}
