//! Applies the plan of a run: writes the tags that its resources lack, and journals each call.

use std::cell::RefCell;
use std::io::{self, Write};
use std::sync::atomic::Ordering;

use aws_tags::Settings;
use aws_tags::backfill::ledger::{Book, Settled};
use aws_tags::backfill::plan::{Planned, State};
use aws_tags::backfill::writing::resource;
use aws_tags_aws::AwsTagger;
use time::OffsetDateTime;

use super::books::{BookError, Books};
use super::call::Hand;
use super::filter::Filter;
use super::folder::RunFolder;
use super::options::WriteOptions;
use super::tally::{Tally, Words, counted, resources};
use super::work::{INTERRUPTED, Item, Job, Work};
use crate::account::AccessOptions;
use crate::console::{End, agreed, bad_input, complain};
use crate::interruption::raise;

const TAGGED: Words = Words { done: "tagged", headline: "Tagged" };

/// Applies the lines of the plan that are wanted, after showing what it will do, and asking. `again` is the command that
/// goes on.
pub(super) async fn apply(
    folder: &RunFolder,
    access: &AccessOptions,
    options: &WriteOptions,
    wanted: Option<&Filter>,
    again: &str,
    out: &mut impl Write,
) -> io::Result<End> {
    let settings = match Settings::read(|name| std::env::var_os(name)) {
        Ok(settings) => settings,
        Err(wrong) => return Ok(bad_input(&wrong.to_string())),
    };
    let (_lock, books) = match open(folder) {
        Ok(open) => open,
        Err(reason) => return Ok(bad_input(&reason)),
    };
    let planned: Result<Vec<Planned>, String> = folder.plan().and_then(|lines| {
        let is_meant =
            |one: &Planned| one.state == State::Add && wanted.is_none_or(|filter| filter.wants(one));
        lines.filter(|line| line.as_ref().map_or(true, is_meant)).collect()
    });
    let planned = match planned {
        Ok(planned) => planned,
        Err(reason) => return Ok(bad_input(&reason)),
    };
    let (aws, _, account) = match access.connect_to_account().await {
        Ok(found) => found,
        Err(reason) => return Ok(bad_input(&reason)),
    };
    let tagger = AwsTagger::new(&aws, settings.at_launch);
    let mark = settings.principal_id_tag.as_deref();
    let hand = Hand { tagger: &tagger, books: &books, book: Book::Apply, mark };
    let unknown = match hand.settle_open().await {
        Ok(unknown) => unknown,
        Err(error) => return Ok(stopped(folder, &error)),
    };
    say_unknown(&unknown);
    let (items, flaws) = items(&books, &planned, &account);
    for flaw in &flaws {
        complain(flaw);
    }
    show(folder, &books, &planned, &items, options, out)?;
    let open = if flaws.is_empty() && unknown.is_empty() { End::Done } else { End::Failed };
    if items.is_empty() {
        return Ok(open);
    }
    if let Err(end) = is_agreed(options, &format!("Tag {} of account {account}", resources(items.len()))) {
        return Ok(end.max(open));
    }
    let planned_at = folder.planned_at().unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let job = Job::Apply { settings: &settings, planned_at };
    let tally = RefCell::new(Tally::new(items.len()));
    let work = Work { hand, job, rate: options.rate, tally };
    let end = finish(folder, &work, items, (options.json, TAGGED), out).await?;
    if matches!(end, End::Failed | End::Interrupted) {
        complain(&format!("go on with: {again}"));
    }
    Ok(if end == End::Done { open } else { end })
}

/// Locks the folder and opens its journals.
pub(crate) fn open(folder: &RunFolder) -> Result<(std::fs::File, Books), String> {
    let lock = folder.lock()?;
    let (books, torn) = Books::open(&folder.path).map_err(|error| error.to_string())?;
    for name in torn {
        complain(&format!("{name}: its last line was torn off and is cut off; AWS tells what came of it"));
    }
    Ok((lock, books))
}

/// What the plan would write to, and has not ended; and why the rest cannot be.
fn items(books: &Books, planned: &[Planned], account: &str) -> (Vec<Item>, Vec<String>) {
    let (mut items, mut flaws, mut elsewhere) = (Vec::new(), Vec::new(), Vec::new());
    let ledger = books.ledger();
    let is_open = |arn: &str| ledger.open().any(|(_, begun)| begun.arns.iter().any(|open| open == arn));
    for one in planned {
        let standing = ledger.of(&one.arn);
        if standing.is_some_and(|standing| standing.settled.is_some()) || is_open(&one.arn) {
            continue;
        }
        if one.account != account {
            elsewhere.push(one.account.clone());
            continue;
        }
        match resource(&one.arn, &one.resource_type, &one.region) {
            Ok(resource) => items.push(Item {
                account: one.account.clone(),
                resource,
                planned: Some(one.clone()),
                tags: Default::default(),
                attempts: 0,
            }),
            Err(flaw) => flaws.push(format!("{}: {flaw}", one.arn)),
        }
    }
    if !elsewhere.is_empty() {
        let accounts = counted(elsewhere.into_iter());
        flaws.push(format!(
            "these credentials are of account {account}, and not of these, by resources: {accounts}"
        ));
    }
    (items, flaws)
}

/// What will be done.
fn show(
    folder: &RunFolder,
    books: &Books,
    planned: &[Planned],
    items: &[Item],
    options: &WriteOptions,
    out: &mut impl Write,
) -> io::Result<()> {
    if options.json {
        return Ok(());
    }
    let ledger = books.ledger();
    let settled = |is: fn(&Settled) -> bool| {
        ledger.all().values().filter(|standing| standing.settled.as_ref().is_some_and(is)).count()
    };
    let (tagged, left) = (settled(|one| *one == Settled::Tagged), settled(|one| *one != Settled::Tagged));
    writeln!(out, "Run {}: {} to tag", folder.name, resources(items.len()))?;
    if tagged.saturating_add(left) > 0 {
        writeln!(out, "  {:<10}  {tagged} tagged, {left} left alone, of {}", "before", planned.len())?;
    }
    let plans = || items.iter().filter_map(|item| item.planned.as_ref());
    let keys = counted(plans().flat_map(|plan| plan.add.iter().map(|tag| tag.key.clone())));
    let services = counted(items.iter().map(|item| item.resource.arn.service().to_owned()));
    let regions = counted(items.iter().map(|item| item.resource.region.clone()));
    for (name, text) in [("tags", keys), ("by service", services), ("by Region", regions)] {
        if !text.is_empty() {
            writeln!(out, "  {name:<10}  {text}")?;
        }
    }
    out.flush()
}

/// Does the work, until it is done, a signal comes, or the journal cannot be written.
pub(crate) async fn finish(
    folder: &RunFolder,
    work: &Work<'_>,
    items: Vec<Item>,
    (json, words): (bool, Words),
    out: &mut impl Write,
) -> io::Result<End> {
    raise(&INTERRUPTED, "the calls in hand")?;
    let done = work.go(items).await;
    let mut tally = work.tally.borrow_mut();
    tally.end_progress();
    match json {
        true => tally.write_json(words, out)?,
        false => tally.write(words, out)?,
    }
    out.flush()?;
    match done {
        Err(error) => Ok(stopped(folder, &error)),
        Ok(()) if INTERRUPTED.load(Ordering::Relaxed) => {
            complain("stopped; what was done is in the journal");
            Ok(End::Interrupted)
        }
        Ok(()) if tally.has_failed() => Ok(End::Failed),
        Ok(()) => Ok(End::Done),
    }
}

/// The journal cannot be written: nothing may be done that it does not say.
pub(crate) fn stopped(folder: &RunFolder, error: &BookError) -> End {
    let goes_on = "nothing more is written; what was done is in the journal, and what is not, AWS tells when the run goes on";
    complain(&format!("run {}: {error}: {goes_on}", folder.name));
    End::BadInput
}

pub(crate) fn say_unknown(unknown: &[(String, String)]) {
    for (arn, why) in unknown {
        complain(&format!("{arn}: it is not known whether the last call reached it: {why}"));
    }
}

/// Whether to do it: an error is how the command ends.
pub(crate) fn is_agreed(options: &WriteOptions, what: &str) -> Result<(), End> {
    match options.yes {
        true => Ok(()),
        false => agreed(&format!("{what}?"), "nothing was written; to do it, add --yes"),
    }
}
