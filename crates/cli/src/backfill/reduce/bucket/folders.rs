//! The objects below a prefix that are asked for. With filters, folder by folder, so that those of other accounts,
//! Regions and days are never listed; else a thousand keys at a time.

use std::collections::VecDeque;
use std::path::Path;

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_tags_aws::Error;
use aws_tags_scan::{Filter, PathSays};

use super::super::{LeftOut, Next};
use crate::input::is_log;

/// Where S3 says of which Region a bucket is.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html>
const REGION: &str = "x-amz-bucket-region";

/// `s3://bucket/prefix`
pub(super) struct Place {
    bucket: String,
    prefix: String,
}

impl Place {
    /// Reads what comes after `s3://`.
    pub(super) fn of(text: &str) -> Option<Self> {
        let (bucket, prefix) = text.split_once('/').unwrap_or((text, ""));
        (!bucket.is_empty()).then(|| Self { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

/// An object to fetch.
pub(super) struct Object {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) size: u64,
    pub(super) may_be_anything: bool,
}

impl Object {
    pub(super) fn name(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.key)
    }
}

/// A walk through the folders of a bucket.
pub(super) struct Folders<'a> {
    bucket: String,
    filter: &'a Filter,
    /// Prefixes to list, and where to go on in them: the last first.
    prefixes: Vec<(String, Option<String>)>,
    found: VecDeque<Result<Object, Next>>,
    has_objects: bool,
    prefix: String,
    /// Whether something could not be listed: then nothing is said of finding nothing.
    has_failed: bool,
}

impl<'a> Folders<'a> {
    pub(super) fn new(place: Place, filter: &'a Filter) -> Self {
        let Place { bucket, prefix } = place;
        Self {
            bucket,
            filter,
            prefixes: vec![(prefix.clone(), None)],
            found: VecDeque::new(),
            has_objects: false,
            prefix,
            has_failed: false,
        }
    }

    /// The next object, or what is said instead of one. The client becomes one of the bucket's Region.
    pub(super) async fn next(
        &mut self,
        client: &mut Client,
        in_region: impl Fn(String) -> Client,
    ) -> Option<Result<Object, Next>> {
        loop {
            if let Some(found) = self.found.pop_front() {
                return Some(found);
            }
            let Some((prefix, token)) = self.prefixes.pop() else {
                let has_none = !std::mem::replace(&mut self.has_objects, true) && !self.has_failed;
                return has_none.then(|| Err(self.unreadable(&self.prefix, "no object there")));
            };
            self.list(prefix, token, client, &in_region).await;
        }
    }

    async fn list(
        &mut self,
        prefix: String,
        token: Option<String>,
        client: &mut Client,
        in_region: &impl Fn(String) -> Client,
    ) {
        let delimiter = (*self.filter != Filter::default()).then(|| "/".to_owned());
        for attempt in 0..2 {
            let call = client.list_objects_v2().bucket(&self.bucket).prefix(&prefix);
            let call = call.set_delimiter(delimiter.clone()).set_continuation_token(token.clone());
            let error = match call.send().await {
                Ok(page) => return self.take(prefix, page),
                Err(error) => error,
            };
            let region = error.raw_response().and_then(|answer| answer.headers().get(REGION));
            match region.filter(|_| attempt == 0).map(str::to_owned) {
                Some(region) => *client = in_region(region),
                None => {
                    self.has_failed = true;
                    let reason = format!("cannot be listed, what is missing of it: {}", Error::from(error));
                    return self.found.push_back(Err(self.unreadable(&prefix, &reason)));
                }
            }
        }
    }

    fn take(&mut self, prefix: String, page: ListObjectsV2Output) {
        if let Some(token) = page.next_continuation_token {
            self.prefixes.push((prefix, Some(token)));
        }
        for folder in page.common_prefixes.unwrap_or_default().into_iter().filter_map(|folder| folder.prefix)
        {
            match self.left_out(&folder) {
                Some(_) => self.has_objects = true,
                None => self.prefixes.push((folder, None)),
            }
        }
        for object in page.contents.unwrap_or_default() {
            let Some(key) = object.key else { continue };
            self.has_objects = true;
            let size = object.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default();
            self.found.push_back(match self.left_out(&key) {
                // What consoles make to show a folder.
                _ if key.ends_with('/') && size == 0 => continue,
                Some(reason) => Err(Next::LeftOut(reason)),
                None => {
                    let may_be_anything = !is_log(Path::new(&key));
                    Ok(Object { bucket: self.bucket.clone(), key, size, may_be_anything })
                }
            });
        }
    }

    /// Why an object or a folder need not be opened.
    fn left_out(&self, key: &str) -> Option<LeftOut> {
        let says = PathSays::of(key);
        // Of a folder, the last part is empty.
        let says = PathSays { region: says.region.filter(|region| !region.is_empty()), ..says };
        match () {
            () if says.is_neighbour => Some(LeftOut::Neighbour),
            () if !self.filter.may_hold(&says) => Some(LeftOut::ByFilter),
            () => None,
        }
    }

    fn unreadable(&self, prefix: &str, reason: &str) -> Next {
        Next::Unreadable(format!("s3://{}/{prefix}", self.bucket), reason.to_owned())
    }
}
