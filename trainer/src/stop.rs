//! How is training asked to end? By Ctrl-C, or by the system that runs it: it stops after the step at work, with a checkpoint.

use std::{
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{Context, Result};

use crate::dashboard;

/// A switch that is set when the process is asked to end: by Ctrl-C (asked again, it ends at once), and on Unix by SIGTERM,
/// with which service managers, containers and job queues end what they run.
///
/// SIGHUP keeps its meaning: who starts training with `nohup` wants it to go on when the connection ends.
///
/// # Errors
/// When the system refuses.
pub fn on_request() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if asked.swap(true, Ordering::Relaxed) {
            dashboard::leave();
            std::process::exit(130);
        }
        // There may be nobody left to read it.
        let _ = writeln!(std::io::stderr(), "\r\nstopping after this step; once more stops at once\r");
    })
    .context("cannot listen to Ctrl-C")?;
    #[cfg(unix)]
    signal_hook::flag::register(signal_hook::consts::SIGTERM, Arc::clone(&stop))
        .context("cannot listen to SIGTERM")?;
    Ok(stop)
}
