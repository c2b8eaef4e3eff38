//! How far a long command is, for people: a bar, where there is a terminal.

use std::io::IsTerminal as _;

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

/// The bar of one command.
pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    pub(crate) fn new() -> Self {
        let bar = if std::io::stderr().is_terminal() { ProgressBar::new(1000) } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {percent} %") {
            bar.set_style(style);
        }
        Self { bar }
    }

    /// Shows what is done, and how much of it, from 0 to 1.
    pub(crate) fn show(&self, what: &str, done: f64) {
        self.bar.set_message(what.to_owned());
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        self.bar.set_position((done * 1000.0) as u64);
    }

    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

/// A number of bytes for people.
pub(crate) fn bytes(count: u64) -> String {
    HumanBytes(count).to_string()
}
