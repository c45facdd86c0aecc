//! `aws-tags redrive`: sends dead letters back to the queues that the functions read, and shows what
//! became of each.
//!
//! What bears a name may be another resource by the time that its event is redriven, so for old events
//! CloudTrail's history is asked who created it last: its event is sent with that answer, and the event
//! of one that is gone is not sent.
//!
//! A message is deleted only after its events were sent. Whatever stops the command in between, a
//! message is at worst sent once more, and every event can be handled twice.

mod report;

use std::collections::HashSet;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aws_tags::Event;
use aws_tags::delivery::{DeadLetter, HISTORY, LAST_OF_ITS_NAME, LostEvent};
use aws_tags::deployment::resource_names::{DEAD_LETTERS, PREFIX, queue_of};
use aws_tags::history::{Bearer, bearer, has_creations_of, questions, unsettled};
use aws_tags_aws::Error;
use clap::Args;
use futures_util::future::join_all;
use time::OffsetDateTime;

use crate::account::{AccessOptions, History, Queue, ReceivedMessage, RegionalClients};
use crate::console::{End, agreed, bad_input};
use crate::interruption::raise;
use report::{Report, ReportRow, Status};

/// How long a received message is hidden from other consumers: longer than sending ten takes.
const HELD_SECONDS: i32 = 300;
/// Calls under way at once.
const AT_ONCE: usize = 10;
/// Between checks whether sent events are handled.
const PAUSE: Duration = Duration::from_secs(2);
/// Checks in a row that must find the queues empty: SQS's counts lag.
const EMPTY_LOOKS: u32 = 2;

/// A signal came: finish what is in hand, then stop.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    access: AccessOptions,
    /// Further Regions whose dead-letter queues are read. Events go to the home Region.
    #[arg(long, value_name = "REGION", value_delimiter = ',')]
    regions: Vec<String>,
    /// Only messages in this dead-letter queue; may be repeated.
    #[arg(long = "queue", value_name = "NAME")]
    queues: Vec<String>,
    /// Only events of this call, e.g. `CreateVolume`; may be repeated.
    #[arg(long = "event-name", value_name = "NAME")]
    event_names: Vec<String>,
    /// Stop after this many events.
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
    /// Show the messages and send nothing.
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Send without asking.
    #[arg(long)]
    yes: bool,
    /// How long to wait until the events are handled; 0 does not wait.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    wait: u64,
    /// One JSON object per event.
    #[arg(long)]
    json: bool,
}

/// Shows dead letters and, with `--yes` or a yes on the terminal, sends them back.
pub(crate) fn run(options: &Options, out: &mut impl Write) -> io::Result<End> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (aws, home) = match options.access.connect().await {
            Ok(found) => found,
            Err(reason) => return Ok(bad_input(&reason)),
        };
        let regions = || [home.as_str()].into_iter().chain(options.regions.iter().map(String::as_str));
        let (mut dead, mut live) = (Vec::new(), Vec::new());
        for at in regions() {
            let here = RegionalClients::new(&aws, at);
            let queues = match here.queues(PREFIX).await {
                Ok(queues) => queues,
                Err(error) => {
                    let what = format!("list the queues in {at}");
                    return Ok(bad_input(&options.access.cannot(&what, &aws, &error)));
                }
            };
            let named = |name: &String| options.queues.is_empty() || options.queues.contains(name);
            for queue in queues {
                let queue = RegionalQueue { here: here.clone(), queue };
                match queue.queue.name.ends_with(DEAD_LETTERS) {
                    true if named(&queue.queue.name) => dead.push(queue),
                    false if at == home => live.push(queue),
                    _ => {}
                }
            }
        }
        if dead.is_empty() {
            let regions = regions().collect::<Vec<_>>().join(", ");
            let reason =
                format!("no queue in {regions} is called `{PREFIX}…{DEAD_LETTERS}`, or as --queue says");
            return Ok(bad_input(&reason));
        }
        let now = OffsetDateTime::now_utc();
        let history = History::new(&aws, now);
        let run = Run { dead, live, options, history, now };
        match run.redrive(out).await {
            Ok(end) => end,
            Err(error) => Ok(bad_input(&format!(
                "cannot go on; sent messages are deleted, the rest is still in its queue: {error}"
            ))),
        }
    })
}

/// A queue, and the Region that it is in.
struct RegionalQueue {
    here: RegionalClients,
    queue: Queue,
}

/// The queues, and what to do with their messages.
struct Run<'a> {
    dead: Vec<RegionalQueue>,
    /// Those that the functions read, all in the home Region.
    live: Vec<RegionalQueue>,
    options: &'a Options,
    history: History,
    now: OffsetDateTime,
}

/// What the history says of an event.
enum Settled {
    /// It does not matter: what the event created has ids, or is young.
    NotAsked,
    /// What the event created is what bears the name.
    Last,
    /// Another event created that.
    Superseded(String),
    /// It could not be asked.
    Unknown(String),
}

impl RegionalQueue {
    /// Up to ten messages, hidden from other consumers.
    async fn receive(&self) -> Result<Vec<ReceivedMessage>, Error> {
        self.here.receive(&self.queue.url, HELD_SECONDS).await
    }

    /// Makes these messages visible again. One that cannot be released becomes visible when its time is
    /// over.
    async fn release(&self, messages: &[ReceivedMessage]) {
        for some in messages.chunks(AT_ONCE) {
            join_all(some.iter().map(|message| self.here.release(&self.queue.url, message))).await;
        }
    }
}

impl Run<'_> {
    async fn redrive(&self, out: &mut impl Write) -> Result<io::Result<End>, Error> {
        let mut report = Report::new(out, self.options.json);
        if !self.options.yes {
            let (rows, _) = self.pass(false).await?;
            let count = rows.len();
            if let Err(error) = report.found(&rows) {
                return Ok(Err(error));
            }
            if count == 0 || self.options.dry_run {
                return Ok(Ok(End::Done));
            }
            let without_asking = "nothing was sent; to send them back, add --yes";
            if let Err(end) = agreed(&format!("Send {count} events back?"), without_asking) {
                return Ok(Ok(end));
            }
        }
        if let Err(error) = raise(&INTERRUPTED, "the messages in hand") {
            return Ok(Err(error));
        }
        let (mut rows, seen) = self.pass(true).await?;
        self.follow(&mut rows, &seen).await?;
        Ok(report.done(&rows, INTERRUPTED.load(Ordering::Relaxed)))
    }

    /// Goes once through all messages; with `send`, sends the wanted ones. Returns a row for each wanted
    /// event, and the ids of all messages that were seen.
    async fn pass(&self, send: bool) -> Result<(Vec<ReportRow>, HashSet<String>), Error> {
        let (mut rows, mut seen) = (Vec::new(), HashSet::new());
        for queue in &self.dead {
            let mut kept = Vec::new();
            let passed = self.pass_queue(queue, send, &mut rows, &mut seen, &mut kept).await;
            // Also after an error: messages that were only read must be visible at once.
            queue.release(&kept).await;
            passed?;
        }
        Ok((rows, seen))
    }

    async fn pass_queue(
        &self,
        from: &RegionalQueue,
        send: bool,
        rows: &mut Vec<ReportRow>,
        seen: &mut HashSet<String>,
        kept: &mut Vec<ReceivedMessage>,
    ) -> Result<(), Error> {
        while !INTERRUPTED.load(Ordering::Relaxed) {
            let room = self.options.limit.map_or(usize::MAX, |limit| limit.saturating_sub(rows.len()));
            if room == 0 {
                break;
            }
            let mut received = from.receive().await?;
            received.retain(|message| seen.insert(message.id.clone()));
            if received.is_empty() {
                break;
            }
            let messages = received.into_iter().map(|message| {
                let dead_letter = DeadLetter::of(&message.body, |name| message.attribute(name));
                (message, dead_letter)
            });
            let (mut wanted, others): (Vec<_>, Vec<_>) =
                messages.partition(|(_, dead_letter)| dead_letter.events.iter().any(|lost| self.wants(lost)));
            let beyond = wanted.split_off(wanted.len().min(room));
            kept.extend(others.into_iter().chain(beyond).map(|(message, _)| message));
            let statuses = wanted.iter().map(async |(message, dead_letter)| match send {
                true => self.send(from, message, dead_letter).await,
                false => dead_letter.events.iter().map(|_| Status::Found).collect(),
            });
            let statuses = join_all(statuses).await;
            for ((message, dead_letter), statuses) in wanted.into_iter().zip(statuses) {
                let stays = !statuses.iter().all(Status::is_settled);
                let events = dead_letter.events.iter().zip(statuses);
                let row = |(lost, status)| ReportRow::new(&from.queue, &dead_letter, lost, status, self.now);
                rows.extend(events.map(row));
                kept.extend(stays.then_some(message));
            }
            report::progress(rows.len(), send);
        }
        Ok(())
    }

    fn wants(&self, lost: &LostEvent) -> bool {
        let names = &self.options.event_names;
        names.is_empty() || lost.event.as_ref().is_ok_and(|event| names.contains(&event.name))
    }

    /// Sends the events of a message, then deletes it; it stays if one could not be sent.
    async fn send(
        &self,
        from: &RegionalQueue,
        message: &ReceivedMessage,
        dead_letter: &DeadLetter,
    ) -> Vec<Status> {
        let mut statuses = Vec::with_capacity(dead_letter.events.len());
        for lost in &dead_letter.events {
            statuses.push(match &lost.event {
                Err(reason) => Status::Unreadable(reason.to_string()),
                Ok(event) => self.send_event(event, &lost.body).await,
            });
        }
        if statuses.iter().all(Status::is_settled)
            && let Err(error) = from.here.delete(&from.queue.url, message).await
        {
            statuses.fill(Status::NotDeleted(error.to_string()));
        }
        statuses
    }

    async fn send_event(&self, event: &Event, body: &str) -> Status {
        let name = queue_of(event);
        let Some(to) = self.live.iter().find(|to| to.queue.name == name) else {
            return Status::NotSent(format!("there is no queue `{name}`"));
        };
        let attribute = match self.settled(event).await {
            Settled::NotAsked => None,
            Settled::Last => Some((HISTORY, LAST_OF_ITS_NAME)),
            Settled::Superseded(by) => return Status::NotOurs(by),
            Settled::Unknown(why) => return Status::NotSent(why),
        };
        match to.here.send(&to.queue.url, body, attribute).await {
            Ok(()) => Status::Sent,
            Err(error) => Status::NotSent(error.to_string()),
        }
    }

    /// Asks the history about each resource of an event that has a name and is old.
    async fn settled(&self, event: &Event) -> Settled {
        let mut settled = Settled::NotAsked;
        for resource in unsettled(event, self.now) {
            if !has_creations_of(&resource) {
                let arn = &resource.arn;
                return Settled::Unknown(format!(
                    "CloudTrail's history does not tell who created {arn} last"
                ));
            }
            let mut history = Vec::new();
            for question in questions(event, &resource, self.now) {
                let progress = |found| report::asking(&question, found);
                match self.history.events(&question, progress).await {
                    Ok(events) => history.extend(events),
                    Err(error) => {
                        let what = format!("cannot ask CloudTrail's history for {}", question.event_name);
                        return Settled::Unknown(format!("{what} in {}: {error}", question.region));
                    }
                }
            }
            match bearer(event, &resource, &history) {
                Bearer::OfThisEvent => settled = Settled::Last,
                Bearer::OfAnother(other) => {
                    return Settled::Superseded(report::another(&resource.arn, other));
                }
            }
        }
        settled
    }

    /// Waits until the functions' queues are empty or the time is over, then finds which of the sent
    /// events are dead letters again.
    async fn follow(&self, rows: &mut [ReportRow], seen: &HashSet<String>) -> Result<(), Error> {
        if self.options.wait == 0 || !rows.iter().any(|row| row.status == Status::Sent) {
            return Ok(());
        }
        let end = Instant::now() + Duration::from_secs(self.options.wait);
        let mut empty_looks = 0;
        while empty_looks < EMPTY_LOOKS && Instant::now() < end && !INTERRUPTED.load(Ordering::Relaxed) {
            tokio::time::sleep(PAUSE.min(end.saturating_duration_since(Instant::now()))).await;
            empty_looks = if self.left().await? == 0 { empty_looks + 1 } else { 0 };
        }
        let back = self.dead_again(seen).await?;
        let otherwise = if empty_looks >= EMPTY_LOOKS { Status::Handled } else { Status::InProgress };
        for row in rows.iter_mut().filter(|row| row.status == Status::Sent) {
            row.status = match &row.event_id {
                Some(id) if back.contains(id) => Status::FailedAgain,
                _ => otherwise.clone(),
            };
        }
        Ok(())
    }

    /// Messages in the functions' queues.
    async fn left(&self) -> Result<u64, Error> {
        let mut left = 0;
        for queue in &self.live {
            let now = queue.here.queue(queue.queue.url.clone()).await?;
            left += now.waiting + now.in_progress;
        }
        Ok(left)
    }

    /// Ids of the events in messages that were not seen before.
    async fn dead_again(&self, seen: &HashSet<String>) -> Result<HashSet<String>, Error> {
        let mut back = HashSet::new();
        for queue in &self.dead {
            let (mut now, mut held) = (HashSet::new(), Vec::new());
            loop {
                let mut received = queue.receive().await?;
                received.retain(|message| now.insert(message.id.clone()));
                if received.is_empty() {
                    break;
                }
                for message in received.iter().filter(|message| !seen.contains(&message.id)) {
                    let dead_letter = DeadLetter::of(&message.body, |name| message.attribute(name));
                    let events = dead_letter.events.iter().filter_map(|lost| lost.event.as_ref().ok());
                    back.extend(events.filter_map(|event| event.id().map(|id| id.into_owned())));
                }
                held.extend(received);
            }
            queue.release(&held).await;
        }
        Ok(back)
    }
}
