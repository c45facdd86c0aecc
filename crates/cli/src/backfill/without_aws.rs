//! `backfill` without AWS plans by files, and asks nobody.

use std::io::{self, Write};
use std::path::Path;

use super::Options;
use super::filter::Filter;
use super::plan::Asked;
use super::run::{About, Run};
use crate::console::{End, bad_input};

const WITHOUT_AWS: &str = "this command was built without AWS, and cannot ask CloudTrail's history";

impl Options {
    pub(super) async fn asked(&self, _: Option<&About>) -> Result<Asked, String> {
        Ok(Asked::Nobody)
    }

    pub(super) fn history_only(&self, _: &Path, _: &mut impl Write) -> io::Result<End> {
        Ok(bad_input(WITHOUT_AWS))
    }

    pub(super) fn read_history(&self, _: &mut Run, _: &Filter) -> io::Result<End> {
        Ok(bad_input(WITHOUT_AWS))
    }
}
