//! A trail's objects in S3, listed page by page and fetched some at a time by a thread of its own.

mod folders;

use std::fs::File as TemporaryFile;
use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::StalledStreamProtectionConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_tags_aws::{Aws, Error};
use aws_tags_scan::Filter;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::super::stop::Stop;
use super::{Body, File, Next, Source};
use crate::account::AccessOptions;
use folders::{Folders, Object, Place};

/// Objects that are fetched beside each other: one takes some ten milliseconds to begin.
const AT_ONCE: usize = 16;
/// Bytes of them that are in memory; a larger object goes into a file.
const IN_MEMORY: u64 = 1 << 20;
/// Fetched objects that wait for a worker.
const WAITING: usize = 4;
/// Times that an object is fetched whose transfer breaks off.
const ATTEMPTS: usize = 3;
/// Nothing of an object comes for so long: then it is fetched again.
const SILENCE: Duration = Duration::from_secs(20);
/// How soon an interruption is noticed.
const TICK: Duration = Duration::from_millis(100);

/// What a thread fetches.
pub(super) struct Bucket {
    fetched: Receiver<Next>,
    stop: Stop,
}

impl Bucket {
    /// Connects, and begins to fetch. An error says what is wrong with the credentials or settings.
    pub(super) fn open(
        place: &str,
        access: &AccessOptions,
        filter: &Arc<Filter>,
        stop: &Stop,
    ) -> Result<Self, String> {
        let place = Place::of(place).ok_or("expected `s3://bucket` or `s3://bucket/prefix`")?;
        let (sender, fetched) = sync_channel(WAITING);
        let (say, connected) = sync_channel(1);
        let (access, filter, asked) = (access.clone(), Arc::clone(filter), stop.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = match runtime {
                Ok(runtime) => runtime,
                Err(error) => return drop(say.send(Err(error.to_string()))),
            };
            runtime.block_on(async {
                let aws = match access.connect().await {
                    Ok((aws, _)) => aws,
                    Err(flaw) => return drop(say.send(Err(flaw))),
                };
                if say.send(Ok(())).is_ok() {
                    fetch_all(&aws, place, &filter, &sender, &asked).await;
                }
            });
        });
        match connected.recv() {
            Ok(Ok(())) => Ok(Self { fetched, stop: stop.clone() }),
            Ok(Err(flaw)) => Err(flaw),
            Err(_) => Err("the connection ended".to_owned()),
        }
    }
}

impl Source for Bucket {
    fn next(&mut self) -> Option<Next> {
        while !self.stop.is_asked() {
            match self.fetched.recv_timeout(TICK) {
                Ok(next) => return Some(next),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
        None
    }
}

/// A client for the Region of a bucket, which need not be that of the credentials.
fn client(aws: &Aws, region: Option<String>) -> Client {
    // A local AWS has no host for each bucket.
    let is_local = aws.config().endpoint_url().is_some();
    let mut config = aws_sdk_s3::config::Builder::from(aws.config())
        .force_path_style(is_local)
        // A worker may be busy for long before it takes what was fetched: `SILENCE` watches instead.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    if let Some(region) = region {
        config = config.region(aws_sdk_s3::config::Region::new(region));
    }
    Client::from_conf(config.build())
}

/// Lists and fetches until nothing is left, nobody takes it any more, or an interruption is asked for.
async fn fetch_all(aws: &Aws, place: Place, filter: &Filter, sender: &SyncSender<Next>, stop: &Stop) {
    let mut client = client(aws, None);
    let mut folders = Folders::new(place, filter);
    let mut fetching = FuturesUnordered::new();
    while !stop.is_asked() {
        while fetching.len() < AT_ONCE {
            match folders.next(&mut client, |region| self::client(aws, Some(region))).await {
                Some(Ok(object)) => fetching.push(fetched(client.clone(), object)),
                Some(Err(next)) => {
                    if sender.send(next).is_err() {
                        return;
                    }
                }
                None => break,
            }
        }
        let Some(next) = fetching.next().await else { return };
        if sender.send(next).is_err() {
            return;
        }
    }
}

/// Fetches an object, again if its transfer breaks off.
async fn fetched(client: Client, object: Object) -> Next {
    let name = object.name();
    let mut reason = String::new();
    for _ in 0..ATTEMPTS {
        let answer = match client.get_object().bucket(&object.bucket).key(&object.key).send().await {
            Ok(answer) => answer,
            Err(error) => return Next::Unreadable(name, Error::from(error).to_string()),
        };
        let size = answer.content_length.and_then(|size| u64::try_from(size).ok()).unwrap_or(object.size);
        match body(answer.body, size).await {
            Ok(body) => return Next::File(File { name, body, may_be_anything: object.may_be_anything }),
            Err(error) => reason = error,
        }
    }
    Next::Unreadable(name, reason)
}

async fn body(mut stream: ByteStream, size: u64) -> Result<Body, String> {
    let (mut bytes, mut file, mut got) = (Vec::new(), None::<TemporaryFile>, 0_u64);
    let on_disk = |error: std::io::Error| format!("cannot be put off on disk: {error}");
    if size > IN_MEMORY {
        file = Some(tempfile::tempfile().map_err(on_disk)?);
    }
    loop {
        let next = tokio::time::timeout(SILENCE, stream.next()).await;
        let part = match next.map_err(|_| "S3 does not go on sending".to_owned())? {
            Some(part) => part.map_err(|_| "the transfer broke off".to_owned())?,
            None => break,
        };
        got = got.saturating_add(u64::try_from(part.len()).unwrap_or_default());
        match &mut file {
            Some(file) => file.write_all(&part).map_err(on_disk)?,
            None => bytes.extend_from_slice(&part),
        }
        if got > size {
            return Err("more came than was announced".to_owned());
        }
    }
    match file {
        _ if got < size => Err("the transfer broke off".to_owned()),
        Some(file) => Ok(Body::Temporary(file)),
        None => Ok(Body::Bytes(bytes.into())),
    }
}
