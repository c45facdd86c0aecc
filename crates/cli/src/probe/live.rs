//! `probe --live`: measures with a queue and a bucket of its own, which are free, how often `TagResources`
//! may be called, and how long after it a service shows the tag.
//!
//! Both are deleted at the end, also after an error and when a signal ends it. What it measures is an account's and a
//! moment's, so it is printed and goes into no file.

use std::fmt;
use std::io::{self, Write};
use std::pin::pin;
use std::time::{Duration, Instant};

use aws_config::Region;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use aws_tags::deployment::probe_policies::LIVE_PREFIX;
use aws_tags::probing::TAG;
use aws_tags::record::partition_of;
use aws_tags_aws::{Aws, Error, Prober};
use futures_util::future::{Either, join_all, select};
use serde::Serialize;

use super::inquiry::random;
use crate::console::{End, agreed, bad_input, complain, visible, write_json};
use crate::interruption::Interruption;

/// Calls at the same time, while the rate is measured.
const AT_ONCE: usize = 10;
/// Calls after which nobody waits for throttling any more.
const MOST_CALLS: usize = 200;
/// For how long the rate is measured, once AWS throttles, and how often so many calls are made in that time: four
/// times as many as AWS says that it takes.
const MEASURED: Duration = Duration::from_secs(5);
const WAVE: Duration = Duration::from_millis(500);
/// Times that a tag is set and read, for each kind.
const LOOKS: usize = 5;
/// After this time, a tag that is not shown counts as never shown.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// One measurement.
#[derive(Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
enum Measured {
    /// How often `TagResources` may be called.
    Rate {
        operation: &'static str,
        calls: usize,
        /// Calls that were accepted before the first that was throttled.
        burst: usize,
        throttled: bool,
        per_second: f64,
    },
    /// How long after `TagResources` a service shows the tag.
    Lag { kind: &'static str, milliseconds: Vec<u128>, never: usize },
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rate { operation, calls, burst, throttled: true, per_second } => {
                write!(
                    f,
                    "{operation}: throttled after {burst} calls, then {per_second:.1} a second ({calls} calls)"
                )
            }
            Self::Rate { operation, calls, per_second, .. } => {
                write!(f, "{operation}: not throttled in {calls} calls, {per_second:.1} a second")
            }
            Self::Lag { kind, milliseconds, never } => {
                let all: Vec<String> = milliseconds.iter().map(u128::to_string).collect();
                write!(f, "{kind}: the tag is shown after {} ms", all.join(", "))?;
                if *never > 0 {
                    write!(f, ", and {never} times not within {} s", PATIENCE.as_secs())?;
                }
                Ok(())
            }
        }
    }
}

/// The resources that it makes.
struct Own<'a> {
    prober: Prober,
    sqs: aws_sdk_sqs::Client,
    s3: aws_sdk_s3::Client,
    region: &'a str,
    account: &'a str,
    /// Of both: no other has it.
    name: String,
}

/// Makes the resources, measures, and deletes them.
pub(super) async fn measure(
    aws: &Aws,
    account: &str,
    region: &str,
    yes: bool,
    json: bool,
    out: &mut impl Write,
) -> io::Result<End> {
    let Some(bits) = random() else { return Ok(bad_input("the system has no random numbers for names")) };
    let name = format!("{LIVE_PREFIX}{bits:032x}");
    if !yes && let Err(end) = is_agreed(&name, region) {
        return Ok(end);
    }
    let config = aws.config().to_builder().region(Region::new(region.to_owned())).build();
    // A local AWS has no host for each bucket.
    let is_local = aws.config().endpoint_url().is_some();
    let s3 = aws_sdk_s3::config::Builder::from(&config).force_path_style(is_local).build();
    let own = Own {
        prober: Prober::new(aws),
        sqs: aws_sdk_sqs::Client::new(&config),
        s3: aws_sdk_s3::Client::from_conf(s3),
        region,
        account,
        name,
    };
    let mut measured = Vec::new();
    let mut interruption = Interruption::new()?;
    let ended = match select(pin!(own.measure_all(&mut measured)), pin!(interruption.comes())).await {
        Either::Left((ended, _)) => ended.map(|()| End::Done),
        Either::Right(_) => {
            complain("stopped; what was made is deleted");
            Ok(End::Interrupted)
        }
    };
    let deleted = own.delete().await;
    for one in &measured {
        match json {
            true => write_json(out, one)?,
            false => writeln!(out, "{one}")?,
        }
    }
    match (ended, deleted) {
        (Err(error), true) => Ok(bad_input(&format!("cannot measure: {error}"))),
        (Err(error), false) => Ok(bad_input(&format!("cannot measure, and not all is deleted: {error}"))),
        (Ok(end), true) => Ok(end),
        (Ok(_), false) => Ok(End::Failed),
    }
}

/// Asks, as others feel it meanwhile.
fn is_agreed(name: &str, region: &str) -> Result<(), End> {
    let (name, region) = (visible(name), visible(region));
    let question = format!(
        "Make a queue and a bucket `{name}` in {region}, measure for about half a minute, and delete them? Meanwhile, others \
         that call tag:TagResources are throttled."
    );
    agreed(&question, "nothing was made; to make a queue and a bucket and to measure with them, add --yes")
}

impl Own<'_> {
    async fn measure_all(&self, measured: &mut Vec<Measured>) -> Result<(), Error> {
        self.sqs.create_queue().queue_name(&self.name).send().await?;
        self.make_bucket().await?;
        let partition = partition_of(self.region);
        let queue = format!("arn:{partition}:sqs:{}:{}:{}", self.region, self.account, self.name);
        let bucket = format!("arn:{partition}:s3:::{}", self.name);
        measured.push(self.lag("sqs:queue", &queue, async || self.queue_tag().await).await?);
        measured.push(self.lag("s3:bucket", &bucket, async || self.bucket_tag().await).await?);
        measured.push(self.rate(&queue).await?);
        Ok(())
    }

    /// Sets the tag to a new value, and reads it until it is there.
    async fn lag(
        &self,
        kind: &'static str,
        arn: &str,
        read: impl AsyncFn() -> Result<Option<String>, Error>,
    ) -> Result<Measured, Error> {
        let (mut milliseconds, mut never) = (Vec::new(), 0_usize);
        for look in 0..LOOKS {
            let value = format!("look {look}");
            self.prober.tag_own(self.region, arn, &value).await?;
            let since = Instant::now();
            let shown = loop {
                if read().await?.as_deref() == Some(value.as_str()) {
                    break Some(since.elapsed().as_millis());
                }
                if since.elapsed() > PATIENCE {
                    break None;
                }
                tokio::time::sleep(PAUSE).await;
            };
            never = never.saturating_add(usize::from(shown.is_none()));
            milliseconds.extend(shown);
        }
        Ok(Measured::Lag { kind, milliseconds, never })
    }

    /// Calls `TagResources` as often as it can, until it is throttled, and then for seconds.
    async fn rate(&self, arn: &str) -> Result<Measured, Error> {
        let (mut calls, mut accepted, mut burst) = (0_usize, 0_usize, None);
        let mut since = Instant::now();
        while burst.map_or(calls < MOST_CALLS, |_| since.elapsed() < MEASURED) {
            let wave = (0..AT_ONCE).map(|_| self.prober.tag_own(self.region, arn, "rate"));
            let answers = join_all(wave).await;
            calls = calls.saturating_add(answers.len());
            let is_throttled = answers.iter().any(|answer| answer.as_ref().is_err_and(Error::is_throttling));
            for answer in answers {
                match answer {
                    Ok(()) => accepted = accepted.saturating_add(1),
                    Err(error) if error.is_throttling() => {}
                    Err(error) => return Err(error),
                }
            }
            if is_throttled && burst.is_none() {
                (burst, accepted, since) = (Some(accepted), 0, Instant::now());
            }
            if burst.is_some() {
                tokio::time::sleep(WAVE).await;
            }
        }
        let per_second = accepted as f64 / since.elapsed().as_secs_f64();
        let operation = "tag:TagResources";
        let (throttled, burst) = (burst.is_some(), burst.unwrap_or(accepted));
        Ok(Measured::Rate { operation, calls, burst, throttled, per_second })
    }

    async fn make_bucket(&self) -> Result<(), Error> {
        // us-east-1 is meant where none is named.
        // <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html>
        let elsewhere = (self.region != "us-east-1").then(|| {
            let location = BucketLocationConstraint::from(self.region);
            CreateBucketConfiguration::builder().location_constraint(location).build()
        });
        self.s3.create_bucket().bucket(&self.name).set_create_bucket_configuration(elsewhere).send().await?;
        Ok(())
    }

    async fn queue_url(&self) -> Result<Option<String>, Error> {
        Ok(self.sqs.get_queue_url().queue_name(&self.name).send().await?.queue_url)
    }

    async fn queue_tag(&self) -> Result<Option<String>, Error> {
        let url = self.queue_url().await?;
        let answer = self.sqs.list_queue_tags().set_queue_url(url).send().await?;
        Ok(answer.tags.unwrap_or_default().remove(TAG.0))
    }

    async fn bucket_tag(&self) -> Result<Option<String>, Error> {
        match self.s3.get_bucket_tagging().bucket(&self.name).send().await {
            Ok(answer) => Ok(answer.tag_set.into_iter().find(|tag| tag.key == TAG.0).map(|tag| tag.value)),
            Err(error) if error.code() == Some("NoSuchTagSet") => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes what there is of its own; says what it cannot delete.
    async fn delete(&self) -> bool {
        let queue = match self.queue_url().await {
            Ok(url) => {
                self.sqs.delete_queue().set_queue_url(url).send().await.map(|_| ()).map_err(Error::from)
            }
            Err(error) => Err(error),
        };
        let bucket = self.s3.delete_bucket().bucket(&self.name).send().await.map(|_| ()).map_err(Error::from);
        let mut all = true;
        for (kind, deleted) in [("queue", queue), ("bucket", bucket)] {
            match deleted {
                Err(error) if !error.is_not_found() => {
                    complain(&format!(
                        "delete the {kind} `{}` in {} yourself: {error}",
                        self.name, self.region
                    ));
                    all = false;
                }
                _ => {}
            }
        }
        all
    }
}
