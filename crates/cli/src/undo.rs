//! `aws-tags undo`: takes back what a run wrote and is still so, and puts it there again with `--redo`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Write};

use aws_tags::Settings;
use aws_tags::backfill::ledger::{Book, Standing};
use aws_tags::backfill::writing::{resource, to_remove};
use aws_tags::tags::TagMap;
use aws_tags_aws::AwsTagger;
use clap::Args;
use wildmatch::WildMatch;

use crate::account::AccessOptions;
use crate::backfill::apply::{finish, is_agreed, open, say_unknown, stopped};
use crate::backfill::books::Books;
use crate::backfill::call::Hand;
use crate::backfill::folder::{RunFolder, StateOptions};
use crate::backfill::options::WriteOptions;
use crate::backfill::tally::{Tally, Words, counted, counted_to, resources};
use crate::backfill::work::{Item, Job, Work};
use crate::console::{End, bad_input, complain, visible, write_json};
use crate::shell::{flag, line};

#[derive(Args)]
pub(crate) struct Options {
    /// The run: its name, or the path to its folder.
    run: String,
    #[command(flatten)]
    access: AccessOptions,
    #[command(flatten)]
    state: StateOptions,
    /// Put there again what was taken back, where nobody has set the key since.
    #[arg(long)]
    redo: bool,
    /// Only show what would be done; reads tags and writes nothing.
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Only resources to which the run gave this owner, or one like it; may be repeated.
    #[arg(long = "owner", value_name = "PATTERN")]
    owners: Vec<String>,
    /// Only resources of these services, as ARNs name them, e.g. `ec2,s3`.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    services: Vec<String>,
    /// Only this resource, or those like it; may be repeated.
    #[arg(long = "arn", value_name = "PATTERN")]
    arns: Vec<String>,
    #[command(flatten)]
    write: WriteOptions,
}

const REMOVED: Words = Words { done: "taken-back", headline: "Took back the tags of" };
const PUT_BACK: Words = Words { done: "put-back", headline: "Put back the tags of" };

/// Takes back, or puts back, after showing what, and asking.
pub(crate) fn run(options: &Options, out: &mut impl Write) -> io::Result<End> {
    let folder = match options.state.run(&options.run) {
        Ok(folder) => folder,
        Err(reason) => return Ok(bad_input(&reason)),
    };
    let settings = match Settings::read(|name| std::env::var_os(name)) {
        Ok(settings) => settings,
        Err(wrong) => return Ok(bad_input(&wrong.to_string())),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(undo(options, &folder, &settings, out))
}

async fn undo(
    options: &Options,
    folder: &RunFolder,
    settings: &Settings,
    out: &mut impl Write,
) -> io::Result<End> {
    let opened = match options.dry_run {
        // Nothing is written, so nothing need be writable.
        true => Books::read(&folder.path).map(|(books, _)| (None, books)).map_err(|error| error.to_string()),
        false => open(folder).map(|(lock, books)| (Some(lock), books)),
    };
    let (_lock, books) = match opened {
        Ok(open) => open,
        Err(reason) => return Ok(bad_input(&reason)),
    };
    if books.ledger().all().is_empty() {
        return Ok(bad_input(&format!(
            "run {} was never applied: there is nothing to take back",
            folder.name
        )));
    }
    let (aws, _, account) = match options.access.connect_to_account().await {
        Ok(found) => found,
        Err(reason) => return Ok(bad_input(&reason)),
    };
    let tagger = AwsTagger::new(&aws, settings.at_launch);
    let hand = Hand { tagger: &tagger, books: &books, book: Book::Undo, mark: None };
    let mut unknown = Vec::new();
    if !options.dry_run {
        unknown = match hand.settle_open().await {
            Ok(unknown) => unknown,
            Err(error) => return Ok(stopped(folder, &error)),
        };
        say_unknown(&unknown);
    }
    let (items, flaws) = options.items(&books, &settings.owner_tag, &account);
    flaws.iter().for_each(|flaw| complain(flaw));
    options.show(folder, &items, out)?;
    let open = if flaws.is_empty() && unknown.is_empty() { End::Done } else { End::Failed };
    if options.dry_run {
        return options.preview(&hand, &items, out).await.map(|end| end.max(open));
    }
    let what = if options.redo { "Put back the tags of" } else { "Take back the tags of" };
    if items.is_empty() {
        options.say_none(&books, &settings.owner_tag);
        return Ok(open);
    }
    if let Err(end) =
        is_agreed(&options.write, &format!("{what} {} of account {account}", resources(items.len())))
    {
        return Ok(end.max(open));
    }
    let (job, words) = if options.redo { (Job::Redo, PUT_BACK) } else { (Job::Undo, REMOVED) };
    let tally = RefCell::new(Tally::new(items.len()));
    let work = Work { hand, job, rate: options.write.rate, tally };
    let end = finish(folder, &work, items, (options.write.json, words), out).await?;
    if matches!(end, End::Failed | End::Interrupted) {
        complain(&format!("go on with: {}", options.again()));
    }
    Ok(if end == End::Done { open } else { end })
}

impl Options {
    /// The command that goes on, and with the same resources.
    fn again(&self) -> String {
        let lists = [("--owner", &self.owners), ("--services", &self.services), ("--arn", &self.arns)];
        let lists =
            lists.into_iter().flat_map(|(name, list)| list.iter().flat_map(|one| flag(name, Some(one))));
        let words = ["aws-tags", "undo", &StateOptions::word(&self.run)].map(str::to_owned).into_iter();
        let words =
            words.chain(self.redo.then(|| "--redo".to_owned())).chain(lists).chain(self.write.words());
        line(&words.chain(self.state.words(&self.run)).chain(self.access.words()).collect::<Vec<_>>())
    }

    /// Nothing is meant: where that may be a slip, what could be.
    fn say_none(&self, books: &Books, owner_tag: &str) {
        if self.owners.is_empty() && self.services.is_empty() && self.arns.is_empty() {
            return;
        }
        let ledger = books.ledger();
        let standing = ledger.all().iter().filter(|(_, standing)| !self.tags(standing).is_empty());
        let owners = |standing: &Standing| self.tags(standing).get(owner_tag).cloned();
        let (services, owners): (Vec<_>, Vec<_>) = standing
            .map(|(arn, standing)| (arn.split(':').nth(2).unwrap_or_default().to_owned(), owners(standing)))
            .unzip();
        let (services, owners) =
            (counted_to(5, services.into_iter()), counted_to(5, owners.into_iter().flatten()));
        complain(&format!("nothing is chosen. Of services: {services}. Of owners: {owners}"));
    }

    /// The tags that are taken back, or put back.
    const fn tags<'a>(&self, standing: &'a Standing) -> &'a TagMap {
        if self.redo { &standing.removed } else { &standing.written }
    }

    /// What there is to do, neighbours of the same tags together; and why the rest cannot be done.
    fn items(&self, books: &Books, owner_tag: &str, account: &str) -> (Vec<Item>, Vec<String>) {
        let (mut items, mut flaws, mut elsewhere) = (Vec::new(), Vec::new(), Vec::new());
        for (arn, standing) in books.ledger().all() {
            let tags = self.tags(standing);
            if tags.is_empty() || !self.wants(arn, tags, owner_tag) {
                continue;
            }
            if standing.account != account {
                elsewhere.push(standing.account.clone());
                continue;
            }
            match resource(arn, &standing.resource_type, &standing.region) {
                Ok(resource) => items.push(Item {
                    account: standing.account.clone(),
                    resource,
                    planned: None,
                    tags: tags.clone(),
                    attempts: 0,
                }),
                Err(flaw) => flaws.push(format!("{arn}: {flaw}")),
            }
        }
        if !elsewhere.is_empty() {
            let accounts = counted(elsewhere.into_iter());
            flaws.push(format!(
                "these credentials are of account {account}, and not of these, by resources: {accounts}"
            ));
        }
        items.sort_by(|one, other| {
            let key = |item: &Item| (item.resource.route.as_str(), item.tags.clone());
            key(one).cmp(&key(other))
        });
        (items, flaws)
    }

    fn wants(&self, arn: &str, tags: &TagMap, owner_tag: &str) -> bool {
        let is_like = |patterns: &[String], text: &str| {
            patterns.is_empty() || patterns.iter().any(|pattern| WildMatch::new(pattern).matches(text))
        };
        let service = arn.split(':').nth(2).unwrap_or_default();
        let is_of_service = self.services.is_empty() || self.services.iter().any(|name| name == service);
        is_of_service
            && is_like(&self.arns, arn)
            && is_like(&self.owners, tags.get(owner_tag).map_or("", String::as_str))
    }

    fn show(&self, folder: &RunFolder, items: &[Item], out: &mut impl Write) -> io::Result<()> {
        if self.write.json {
            return Ok(());
        }
        let what = if self.redo { "were taken back" } else { "are ours by the journal" };
        let tags = counted(items.iter().flat_map(|item| item.tags.keys().cloned()));
        let tags = if tags.is_empty() { String::new() } else { format!(": {tags}") };
        writeln!(out, "Run {}: {} whose tags {what}{tags}", folder.name, resources(items.len()))?;
        out.flush()
    }

    /// What would be done to each resource, by the tags that it has now.
    async fn preview(&self, hand: &Hand<'_>, items: &[Item], out: &mut impl Write) -> io::Result<End> {
        let mut end = End::Done;
        for item in items {
            let arn = &item.resource.arn;
            let present = match hand.read(std::slice::from_ref(&item.resource)).await.pop() {
                Some(Ok(present)) => present,
                Some(Err(failure)) => {
                    complain(&format!("{arn}: {failure}"));
                    end = End::Failed;
                    continue;
                }
                None => continue,
            };
            let (would, stays): (TagMap, BTreeMap<String, Option<String>>) = if self.redo {
                let (there, absent): (TagMap, TagMap) =
                    item.tags.clone().into_iter().partition(|(key, _)| present.contains_key(key));
                (absent, there.into_keys().map(|key| (key.clone(), present.get(&key).cloned())).collect())
            } else {
                to_remove(&item.tags, &present)
            };
            if self.write.json {
                write_json(out, &serde_json::json!({"arn": arn.as_str(), "would": would, "stays": stays}))?;
                continue;
            }
            let keys: Vec<&str> = would.keys().map(String::as_str).collect();
            writeln!(out, "{}", visible(format!("{arn}: {}", keys.join(", "))))?;
            for (key, now) in stays {
                let now = now.map_or("gone".to_owned(), |now| format!("`{now}` now, by somebody else"));
                writeln!(out, "    stays: {}", visible(format!("{key}: {now}")))?;
            }
        }
        Ok(end)
    }
}
