//! `aws-tags report`: audits as one HTML file that needs nothing else.

mod charts;
mod data;
mod hide;
mod page;
mod read;
mod rows;
mod summary;
mod words;
mod write;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use aws_tags::audit::Head;
use clap::Args;

use crate::console::{End, bad_input, visible};
use read::Audits;

#[derive(Args)]
pub(crate) struct Options {
    /// Audits that `aws-tags audit --json` wrote, gzipped or not; `-` is standard input. Of several, the latest is shown, and the
    /// others show how coverage changed.
    #[arg(required = true, value_name = "AUDIT")]
    audits: Vec<PathBuf>,
    /// Where the report goes; what is there is replaced, once the report is whole. `-`, and the default where that is no
    /// terminal, is standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    hidden: Hidden,
}

/// What a report that is passed on does not tell.
#[derive(Args, Clone, Copy)]
struct Hidden {
    /// Leaves out the values of tags. Owners stay: see --hide-principals.
    #[arg(long)]
    hide_values: bool,
    /// Puts `principal-1`, `principal-2`, … for owners and principals, also where their names stand in ARNs, values and reasons.
    #[arg(long)]
    hide_principals: bool,
}

impl Hidden {
    const fn any(self) -> bool {
        self.hide_values || self.hide_principals
    }

    const fn words(self) -> &'static str {
        match (self.hide_values, self.hide_principals) {
            (true, true) => "values of tags and names of principals",
            (true, false) => "values of tags",
            (false, true) => "names of principals",
            (false, false) => "nothing",
        }
    }
}

/// Whether both are the same file, which is there.
fn is_same(one: &Path, other: &Path) -> bool {
    let found = |path: &Path| path.canonicalize().ok();
    found(one).is_some_and(|one| found(other) == Some(one))
}

/// Reads audits, and writes the report.
pub(crate) fn run(options: &Options, out: &mut impl Write) -> io::Result<End> {
    let target = match write::Target::of(options.output.as_deref()) {
        Ok(target) => target,
        Err(why) => return Ok(bad_input(&why)),
    };
    if let write::Target::File(path) = &target
        && let Some(audit) = options.audits.iter().find(|audit| is_same(audit, path))
    {
        let name = audit.display();
        return Ok(bad_input(&format!(
            "{name}: is an audit to read, and would be replaced: name another file"
        )));
    }
    let mut audits = match read::read(&options.audits) {
        Ok(audits) => audits,
        Err(Some(why)) => return Ok(bad_input(why)),
        Err(None) => return Ok(End::BadInput),
    };
    if let Some(stranger) = audits.stranger() {
        return Ok(bad_input(&strange(stranger, &audits)));
    }
    if options.hidden.hide_values {
        hide::hide_values(&mut audits.rows);
    }
    if options.hidden.hide_principals {
        hide::hide_principals(&mut audits.rows).map_err(io::Error::other)?;
    }
    let data = data::pack(&audits.rows, options.hidden)?;
    let Some(page) = page::page(&audits, options.hidden, &data) else { return Ok(End::BadInput) };
    let page = page.into_string();
    match &target {
        write::Target::Output => out.write_all(page.as_bytes())?,
        write::Target::File(path) => {
            if let Err(error) = write::write(path, page.as_bytes()) {
                return Ok(bad_input(&format!("{}: {error}", path.display())));
            }
            writeln!(out, "{}: {}", visible(path.display()), told(&audits, page.len()))?;
        }
    }
    let is_whole = audits.unread == 0 && audits.all.iter().all(|audit| audit.cut_from.is_none());
    Ok(if is_whole { End::Done } else { End::Failed })
}

/// One line about the report.
fn told(audits: &Audits, bytes: usize) -> String {
    let Some(latest) = audits.all.last() else { return String::new() };
    let resources = words::count(usize::try_from(latest.tally.all()).unwrap_or(usize::MAX), "resource");
    let coverage = match (latest.cut_from, latest.tally.coverage()) {
        (Some(all), _) => format!("of {}, as the audit is cut off", words::number(all)),
        (None, Some(coverage)) => format!("{coverage} covered"),
        (None, None) => "nothing covered".to_owned(),
    };
    let others = audits.all.len().saturating_sub(1);
    let history =
        if others > 0 { format!(", {} before", words::count(others, "audit")) } else { String::new() };
    format!("{resources}, {coverage}{history}; {} KB", words::number(bytes.div_ceil(1000) as u64))
}

/// Why audits cannot be one report.
fn strange(stranger: &Head, audits: &Audits) -> String {
    let of =
        |head: &Head| format!("that of {} is of {}", words::moment(head.at), words::some(&head.accounts, 3));
    let latest = audits.all.last().map(|audit| of(&audit.head)).unwrap_or_default();
    format!("expected audits of the same accounts: {}, {latest}; make a report of each", of(stranger))
}
