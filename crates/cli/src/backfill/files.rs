//! The reduction of files: records in any envelope, rows of Athena, other reductions.

use std::io;
use std::path::{Path, PathBuf};

use super::reduction::{Counts, Reduction};
use super::{Filter, line};
use crate::console::End;
use crate::input::Input;

/// Reads files into a reduction. Files that cannot be read are named, and do not stop the rest.
pub(super) fn reduce(sources: &[String], filter: &Filter, file: &Path) -> io::Result<(Counts, End)> {
    let mut reduction = Reduction::new(file)?;
    let (since, until) = (filter.since(), filter.until);
    let input = Input { paths: sources.iter().map(PathBuf::from).collect() };
    let reading = input.read(&mut |record| {
        let event = &record.event;
        let is_in_time = event
            .time()
            .is_none_or(|at| since.is_none_or(|since| since <= at) && until.is_none_or(|until| at <= until));
        let is_of = |wanted: &[String], what: &str| wanted.is_empty() || wanted.iter().any(|one| one == what);
        let account = event.account().unwrap_or_default();
        match is_in_time && is_of(&filter.regions, event.region()) && is_of(&filter.accounts, &account) {
            true => reduction.add(event, &line::of(&event.record_json().to_string())),
            false => Ok(()),
        }
    })?;
    let end = if reading.is_all_good() { End::Done } else { End::BadInput };
    Ok((reduction.end()?, end))
}
