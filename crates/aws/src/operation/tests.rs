//! Operations at discovered endpoints, against a server: everything is real but the names of AWS's hosts.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_tags::table::{self, Read, Route};
use aws_types::region::Region;

use super::*;

const USUAL: &str = "ingest.timestream.eu-west-1.amazonaws.com";
const CELL: &str = "ingest-cell2.timestream.eu-west-1.amazonaws.com";
const DATABASE: &str = "arn:aws:timestream:eu-west-1:111122223333:database/metrics";
const DISCOVER: &str = "Timestream_20181101.DescribeEndpoints";
const TAG: &str = "Timestream_20181101.TagResource";
const LIST: &str = "Timestream_20181101.ListTagsForResource";

/// A request that came: the host that was meant, the operation, and the body.
#[derive(Debug, PartialEq, Eq)]
struct Came {
    host: String,
    target: String,
    body: String,
}

/// Sends to one address what is meant for any host.
#[derive(Debug)]
struct Redirect {
    to: SocketAddr,
    connector: SharedHttpConnector,
}

impl HttpConnector for Redirect {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let host = request.uri().split('/').nth(2).unwrap_or_default().to_owned();
        request.headers_mut().insert("x-meant-for", host);
        request.set_uri(format!("http://{}/", self.to)).unwrap();
        self.connector.call(request)
    }
}

/// A Timestream that says which host to call, and what came to it.
fn server(cell: &'static str) -> (SocketAddr, Receiver<Came>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, (sender, receiver)) = (listener.local_addr().unwrap(), channel());
    thread::spawn(move || {
        for stream in listener.incoming() {
            answer(stream.unwrap(), cell, &sender);
        }
    });
    (address, receiver)
}

fn answer(stream: TcpStream, cell: &str, came: &Sender<Came>) {
    let mut reader = BufReader::new(stream);
    let lines: Vec<String> =
        reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let header = |name: &str| {
        let of_name = |line: &&String| line.to_lowercase().starts_with(&format!("{name}: "));
        lines.iter().find(of_name).and_then(|line| line.split_once(": ")).map_or("", |(_, text)| text)
    };
    let signed = header("authorization");
    assert!(signed.contains("/eu-west-1/timestream/aws4_request"), "{signed}");
    let mut body = vec![0; header("content-length").parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let target = header("x-amz-target").to_owned();
    let text = match target.as_str() {
        DISCOVER => format!(r#"{{"Endpoints": [{{"Address": "{cell}", "CachePeriodInMinutes": 1440}}]}}"#),
        LIST => r#"{"Tags": [{"Key": "Owner", "Value": "ana"}]}"#.to_owned(),
        _ => "{}".to_owned(),
    };
    let body = String::from_utf8(body).unwrap();
    came.send(Came { host: header("x-meant-for").to_owned(), target, body }).unwrap();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\nconnection: close";
    write!(reader.get_mut(), "{head}\r\ncontent-length: {}\r\n\r\n{text}", text.len()).unwrap();
}

fn caller(to: SocketAddr, endpoint_url: Option<&str>) -> OperationCaller {
    let connector = SharedHttpConnector::new(Connector::builder().build_http());
    let client =
        http_client_fn(move |_, _| SharedHttpConnector::new(Redirect { to, connector: connector.clone() }));
    let credentials = Credentials::for_tests();
    let mut config = SdkConfig::builder()
        .region(Region::new("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(client)
        .retry_config(RetryConfig::disabled())
        .behavior_version(aws_config::BehaviorVersion::latest());
    config.set_endpoint_url(endpoint_url.map(str::to_owned));
    OperationCaller::new(config.build())
}

fn operations() -> (&'static TagOperation, &'static ReadOperation) {
    let service = table::all().find(|service| service.name == "timestream").unwrap();
    let row = service.rows.iter().find(|row| row.event_name == "CreateDatabase").unwrap();
    match (row.route(service), row.read_by(service)) {
        (Route::TagOperation(tag), Read::Operation(read)) => (tag, read),
        other => panic!("{other:?}"),
    }
}

/// Tags a database, and reads its tags.
async fn tag_and_read(caller: &OperationCaller) -> Result<TagMap, Error> {
    let ((tag, read), arn) = (operations(), Arn::parse(DATABASE).unwrap());
    let tags = TagMap::from([("Owner".to_owned(), "ana".to_owned())]);
    caller.add(tag, "eu-west-1", &arn, &tags, AtLaunch::Keep).await?;
    caller.list(read, "eu-west-1", &arn).await
}

#[tokio::test]
async fn timestream_is_called_where_it_says_and_asked_for_that_once() {
    let (address, came) = server(CELL);
    let tags = tag_and_read(&caller(address, None)).await.unwrap();
    assert_eq!(tags, TagMap::from([("Owner".to_owned(), "ana".to_owned())]));
    let came: Vec<Came> = came.try_iter().collect();
    let calls: Vec<_> = came.iter().map(|one| (one.host.as_str(), one.target.as_str())).collect();
    assert_eq!(calls, [(USUAL, DISCOVER), (CELL, TAG), (CELL, LIST)]);
    assert_eq!(
        came[1].body,
        format!(r#"{{"ResourceARN":"{DATABASE}","Tags":[{{"Key":"Owner","Value":"ana"}}]}}"#)
    );
}

#[tokio::test]
async fn no_signed_request_goes_to_a_host_that_is_not_aws_own() {
    let (address, came) = server("ingest.evil.example");
    let error = tag_and_read(&caller(address, None)).await.unwrap_err();
    assert!(error.to_string().contains("`ingest.evil.example` is no host of"), "{error}");
    assert_eq!(came.try_iter().map(|one| one.target).collect::<Vec<_>>(), [DISCOVER]);
}

#[tokio::test]
async fn an_endpoint_of_the_users_is_called_as_it_is() {
    let (address, came) = server(CELL);
    tag_and_read(&caller(address, Some("http://vpce-1.example"))).await.unwrap();
    let calls: Vec<_> = came.try_iter().map(|one| (one.host, one.target)).collect();
    let own = |target: &str| ("vpce-1.example".to_owned(), target.to_owned());
    assert_eq!(calls, [own(TAG), own(LIST)]);
}
