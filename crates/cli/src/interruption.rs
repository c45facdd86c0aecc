//! The signals that ask a command to end.

use std::io;
use std::process::exit;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::console::{INTERRUPTED, complain};

/// Raises the flag at the first signal, so that what is in hand can be finished; the second ends the process.
pub(crate) fn raise(flag: &'static AtomicBool, finishing: &'static str) -> io::Result<()> {
    let mut interruption = Interruption::new()?;
    tokio::spawn(async move {
        loop {
            interruption.comes().await;
            if flag.swap(true, Ordering::Relaxed) {
                exit(i32::from(INTERRUPTED));
            }
            complain(&format!("stopping after {finishing}; press Ctrl-C again to stop at once"));
        }
    });
    Ok(())
}

/// Ctrl-C, or a pipeline's request to end, from the moment that it is made.
pub(crate) struct Interruption {
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 2],
}

#[cfg(unix)]
impl Interruption {
    pub(crate) fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { signals: [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?] })
    }

    pub(crate) async fn comes(&mut self) {
        let [interrupt, terminate] = &mut self.signals;
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    }
}

#[cfg(not(unix))]
impl Interruption {
    #[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    pub(crate) async fn comes(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
