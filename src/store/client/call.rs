//! One request and its reply: what a login does. The SDK's serializers and parsers, its
//! signature and its HTTP connector, without what it runs around them, which takes more of
//! a processor than all of them: DESIGN.md, "Why do logins go past the SDK's client?".

use std::convert::Infallible;
use std::error::Error;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::task::Poll;
use std::time::Duration;

use aws_runtime::retries::classifiers::{THROTTLING_ERRORS, TRANSIENT_ERRORS};
use aws_sdk_dynamodb::config::{
    AsyncSleep, ConfigBag, FrozenLayer, RuntimePlugin, SharedAsyncSleep, Sleep,
};
use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::get_item::builders::GetItemInputBuilder;
use aws_sdk_dynamodb::operation::get_item::{GetItem, GetItemError, GetItemOutput};
use aws_sdk_dynamodb::operation::put_item::builders::PutItemInputBuilder;
use aws_sdk_dynamodb::operation::put_item::{PutItem, PutItemError, PutItemOutput};
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemInputBuilder;
use aws_sdk_dynamodb::operation::update_item::{UpdateItem, UpdateItemError, UpdateItemOutput};
use aws_smithy_runtime_api::client::connection::CaptureSmithyConnection;
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector};
use aws_smithy_runtime_api::client::interceptors::context::{Input, OutputOrError};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::ser_de::{
    DeserializeResponse, SerializeRequest, SharedRequestSerializer, SharedResponseDeserializer,
};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::retry::ProvideErrorKind;

use super::clock::{Clock, Off};
use super::identity::Identities;
use super::{FIRST_BACKOFF, LONGEST_BACKOFF};

const USER_AGENT: &str = concat!("lambdatotp/", env!("CARGO_PKG_VERSION"));

/// What the SDK knows of an operation: its plugin's settings.
#[derive(Debug)]
pub(in crate::store) struct Operation {
    serializer: SharedRequestSerializer,
    layer: FrozenLayer,
    bag: ConfigBag,
}

impl Operation {
    /// Where a plugin keeps them is public, and nobody's promise: so the SDK's version is
    /// pinned, and a test looks for them.
    fn of(plugin: &impl RuntimePlugin) -> Option<Self> {
        let layer = plugin.config()?;
        let serializer = layer.load::<SharedRequestSerializer>()?.clone();
        layer.load::<SharedResponseDeserializer>()?;
        Some(Self { serializer, layer, bag: ConfigBag::base() })
    }

    fn parse(&self, reply: &HttpResponse) -> OutputOrError {
        let parser = self.layer.load::<SharedResponseDeserializer>();
        let parser = parser.expect("looked for when it was made");
        parser.deserialize_nonstreaming_with_config(reply, &self.bag)
    }
}

/// A request that a login makes.
pub(in crate::store) trait Request {
    type Input: std::fmt::Debug + Send + Sync + 'static;
    type Output: std::fmt::Debug + Send + Sync + 'static;
    type Error: Error + ProvideErrorMetadata + ProvideErrorKind + Send + Sync + 'static;

    fn input(self) -> Result<Self::Input, BuildError>;
    fn operation() -> Option<&'static Operation>;
}

macro_rules! requests {
    ($($builder:ty: $operation:ty => $input:ty, $output:ty, $error:ty;)*) => {
        $(impl Request for $builder {
            type Input = $input;
            type Output = $output;
            type Error = $error;

            fn input(self) -> Result<$input, BuildError> {
                self.build()
            }

            fn operation() -> Option<&'static Operation> {
                static OPERATION: LazyLock<Option<Operation>> =
                    LazyLock::new(|| Operation::of(&<$operation>::new()));
                OPERATION.as_ref()
            }
        })*
    };
}

requests! {
    GetItemInputBuilder: GetItem =>
        aws_sdk_dynamodb::operation::get_item::GetItemInput, GetItemOutput, GetItemError;
    PutItemInputBuilder: PutItem =>
        aws_sdk_dynamodb::operation::put_item::PutItemInput, PutItemOutput, PutItemError;
    UpdateItemInputBuilder: UpdateItem =>
        aws_sdk_dynamodb::operation::update_item::UpdateItemInput, UpdateItemOutput, UpdateItemError;
}

/// How requests get to the table.
#[derive(Debug)]
pub(super) struct Calls {
    pub(super) connector: SharedHttpConnector,
    /// Nobody, inside the process.
    pub(super) identities: Option<Arc<Identities>>,
    pub(super) sleep: SharedAsyncSleep,
    pub(super) attempts: u32,
    pub(super) attempt_timeout: Option<Duration>,
    pub(super) clock: Clock,
}

/// A reply that is there in full, and how far off the time of its request was.
type Reply = (HttpResponse, Option<Off>);

/// Why there is none: no service has said anything.
type Silence = SdkError<Infallible>;

impl Calls {
    /// Sends a request, and again while that may help.
    pub(super) async fn send<R: Request>(
        &self,
        request: R,
    ) -> Result<R::Output, SdkError<R::Error>> {
        let input = request.input().map_err(SdkError::construction_failure)?;
        let operation =
            R::operation().ok_or_else(|| SdkError::construction_failure("no such operation"))?;
        let mut bag = ConfigBag::base();
        let made = operation.serializer.serialize_input(Input::erase(input), &mut bag);
        let unsigned = made.map_err(SdkError::construction_failure)?;
        let mut tries = 1;
        loop {
            let connection = CaptureSmithyConnection::new();
            let (outcome, off) = match self.attempt(&unsigned, &connection).await {
                Ok((reply, off)) => (read::<R>(operation, reply), off),
                Err(silence) => (Err(silence.map_service_error(|never| match never {})), None),
            };
            let error = match outcome {
                Ok(output) => return Ok(output),
                Err(error) => error,
            };
            let trouble = trouble(&error, off);
            // Whatever answers so may be about to go down.
            if trouble == Some(Trouble::Transient)
                && let Some(connection) = connection.get()
            {
                connection.poison();
            }
            if trouble.is_none() || tries >= self.attempts {
                return Err(error);
            }
            self.sleep.sleep(back_off(tries, error.raw_response())).await;
            tries += 1;
        }
    }

    /// Opens a connection by a request that says nothing. Whatever the service answers is
    /// fine.
    pub(super) async fn greet(&self) -> Result<(), Silence> {
        let connection = CaptureSmithyConnection::new();
        let greeting = self.within(self.transmit(HttpRequest::empty(), &connection, false));
        greeting.await.map(drop)
    }

    /// One try, within its time.
    async fn attempt(
        &self,
        unsigned: &HttpRequest,
        connection: &CaptureSmithyConnection,
    ) -> Result<Reply, Silence> {
        let copy = unsigned.try_clone();
        let request = copy.ok_or_else(|| SdkError::construction_failure("a streaming body"))?;
        self.within(self.transmit(request, connection, true)).await
    }

    async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, Silence>>,
    ) -> Result<T, Silence> {
        let Some(limit) = self.attempt_timeout else { return work.await };
        let mut work = pin!(work);
        let mut time_up = pin!(self.sleep.sleep(limit));
        let in_time = poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending => time_up.as_mut().poll(context).map(|()| None),
        });
        match in_time.await {
            Some(done) => done,
            None => Err(SdkError::timeout_error("the attempt timed out")),
        }
    }

    async fn transmit(
        &self,
        mut request: HttpRequest,
        connection: &CaptureSmithyConnection,
        sign: bool,
    ) -> Result<Reply, Silence> {
        let refused = |why| SdkError::dispatch_failure(ConnectorError::other(why, None));
        let signer = match &self.identities {
            Some(identities) => Some(identities.signer().await.map_err(refused)?),
            None => None,
        };
        let sent = self.clock.now();
        if let Some(signer) = signer {
            signer.address(&mut request).map_err(refused)?;
            if sign {
                signer.sign(&mut request, sent.there()).map_err(refused)?;
            }
        }
        request.headers_mut().insert("user-agent", USER_AGENT);
        request.add_extension(connection.clone());
        let reply = self.connector.call(request).await.map_err(SdkError::dispatch_failure)?;
        let off = self.clock.learn(reply.headers(), sent);
        Ok((whole(reply).await?, off))
    }
}

/// Reads a reply's body to its end, and checks it.
async fn whole(mut reply: HttpResponse) -> Result<HttpResponse, Silence> {
    if reply.body().bytes().is_none() {
        let body = ByteStream::new(reply.take_body()).collect().await;
        match body {
            Ok(bytes) => *reply.body_mut() = SdkBody::from(bytes.into_bytes()),
            Err(why) => return Err(SdkError::response_error(why, reply)),
        }
    }
    let said = reply.headers().get("x-amz-crc32").and_then(|sum| sum.parse::<u32>().ok());
    let is = || crc32fast::hash(reply.body().bytes().unwrap_or_default());
    if said.is_some_and(|said| said != is()) {
        return Err(SdkError::response_error("its checksum does not match its body", reply));
    }
    Ok(reply)
}

/// What the service says.
#[expect(clippy::result_large_err, reason = "the SDK's own")]
fn read<R: Request>(
    operation: &Operation,
    reply: HttpResponse,
) -> Result<R::Output, SdkError<R::Error>> {
    let error = match operation.parse(&reply) {
        Ok(output) => match output.downcast::<R::Output>() {
            Ok(output) => return Ok(output),
            Err(_) => {
                return Err(SdkError::response_error("the reply is of another operation", reply));
            }
        },
        Err(error) => error,
    };
    // Of what it may be, parsers give one kind only.
    let mut refusal = None;
    let _ = error.map_operation_error(|error| refusal = error.downcast::<R::Error>().ok());
    Err(match refusal {
        Some(refusal) => SdkError::service_error(refusal, reply),
        None => SdkError::response_error("the reply is of another operation", reply),
    })
}

/// What may be over when the request is made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// With this connection, or where it leads to.
    Transient,
    /// With the pace, with another write, or with the time of the signature.
    Refused,
}

/// Sorts an error as the SDK does: nothing, where another try would end the same.
fn trouble<E: ProvideErrorMetadata + ProvideErrorKind>(
    error: &SdkError<E>,
    off: Option<Off>,
) -> Option<Trouble> {
    match error {
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) => Some(Trouble::Transient),
        SdkError::DispatchFailure(failure) => {
            // The connector says so of connections that were closed meanwhile.
            let again = failure.as_other().is_some();
            (again || failure.is_io() || failure.is_timeout()).then_some(Trouble::Transient)
        }
        SdkError::ServiceError(answer) => {
            let code = ProvideErrorMetadata::code(answer.err());
            let is_one_of = |codes: &[&str]| code.is_some_and(|code| codes.contains(&code));
            let status = answer.raw().status().as_u16();
            if is_one_of(THROTTLING_ERRORS)
                || answer.err().retryable_error_kind().is_some()
                || off.is_some_and(Off::spoils_signatures) && is_one_of(OF_A_WRONG_CLOCK)
            {
                Some(Trouble::Refused)
            } else if is_one_of(TRANSIENT_ERRORS) || matches!(status, 500 | 502 | 503 | 504) {
                Some(Trouble::Transient)
            } else {
                None
            }
        }
        _ => None,
    }
}

/// What services call a signature of another time.
const OF_A_WRONG_CLOCK: &[&str] = &[
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "AuthFailure",
    "RequestTimeTooSkewed",
    "AccessDeniedException",
];

/// How long to wait after so many tries: a random part of a time that doubles, so that many
/// clients that failed together do not come back together; or what the service asks for.
fn back_off(tries: u32, reply: Option<&HttpResponse>) -> Duration {
    let asked = reply.and_then(|reply| reply.headers().get("x-amz-retry-after")?.parse().ok());
    if let Some(asked) = asked {
        return Duration::from_millis(asked).min(LONGEST_BACKOFF);
    }
    let doubled = FIRST_BACKOFF.saturating_mul(1 << (tries - 1).min(16));
    doubled.min(LONGEST_BACKOFF).mul_f64(fastrand::f64())
}

/// The runtime's own time.
#[derive(Debug)]
pub(super) struct RealTime;

impl AsyncSleep for RealTime {
    fn sleep(&self, duration: Duration) -> Sleep {
        Sleep::new(tokio::time::sleep(duration))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sdk_keeps_its_serializers_where_we_look() {
        assert!(GetItemInputBuilder::operation().is_some());
        assert!(PutItemInputBuilder::operation().is_some());
        assert!(UpdateItemInputBuilder::operation().is_some());
    }

    #[test]
    fn waits_are_random_parts_of_a_time_that_doubles() {
        for (tries, most) in [(1, 50), (2, 100), (3, 200), (5, 800), (6, 1000), (100, 1000)] {
            let waits: Vec<_> = (0..1000).map(|_| back_off(tries, None).as_millis()).collect();
            assert!(waits.iter().all(|&wait| wait <= most), "{tries}");
            assert!(waits.iter().any(|&wait| wait > most * 9 / 10), "{tries}");
            assert!(waits.iter().any(|&wait| wait < most / 10), "{tries}");
        }
    }
}
