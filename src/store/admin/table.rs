//! Making the table, and looking at it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use aws_sdk_dynamodb::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::operation::describe_table::DescribeTableError;
use aws_sdk_dynamodb::operation::update_table::UpdateTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, CreateGlobalTableWitnessGroupMemberAction,
    CreateReplicationGroupMemberAction, GlobalTableWitnessGroupUpdate, KeySchemaElement, KeyType,
    MultiRegionConsistency, PointInTimeRecoverySpecification, PointInTimeRecoveryStatus,
    ReplicaStatus, ReplicationGroupUpdate, ScalarAttributeType, SseSpecification, SseStatus,
    TableDescription, TableStatus, TimeToLiveSpecification, TimeToLiveStatus, WitnessStatus,
};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::DateTime;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::date_time::Format;

use crate::store::item::field;
use crate::store::{Settings, Store, StoreError};

/// The table as DynamoDB describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each answers a question of its own")]
pub struct Table {
    /// As DynamoDB calls it: `ACTIVE`, `CREATING` and so on.
    pub status: String,
    /// Whether it can be used as it is.
    pub usable: bool,
    /// The key, such as `user_id (S)`.
    pub key: String,
    /// Whether that is the key this crate needs.
    pub key_fits: bool,
    /// How many users there are, as DynamoDB counted some hours ago.
    pub items: i64,
    /// Whether billing is on demand, so that capacity cannot run out.
    pub on_demand: bool,
    /// Whether a key of AWS KMS encrypts it; otherwise one of DynamoDB's own does.
    pub kms: bool,
    /// Whether deletion protection is on.
    pub protected: bool,
    /// Of a global table: whether all its Regions decide as one. In an eventually consistent
    /// one, each decides for itself. `None` for a table in one Region.
    pub strong: Option<bool>,
    /// Of a global table: its copies, as DynamoDB lists them. The one that was asked need not
    /// be among them.
    pub replicas: Vec<Replica>,
    /// What our clock is ahead of the service's, in milliseconds, give or take 500.
    pub ahead_ms: Option<i64>,
}

/// A copy of a global table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    /// Its Region, such as `eu-west-1`.
    pub region: String,
    /// As DynamoDB calls it: `ACTIVE`, `CREATING` and so on.
    pub status: String,
    /// Whether it only takes part in decisions, and can be neither read nor written.
    pub witness: bool,
}

/// A setting that can be switched on for a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Switch {
    /// It is on, or being switched on.
    On,
    /// It is off.
    Off,
    /// On, but for something else: the attribute that it is on for.
    Elsewhere(String),
    /// The endpoint does not have it (DynamoDB Local), or does not let us see it.
    Unknown(String),
}

/// A request to DynamoDB, as it would be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRequest {
    /// The operation, such as `CreateTable`.
    pub operation: String,
    /// Its parameters, as JSON.
    pub body: String,
}

impl Store {
    /// The requests that [`create_table`](Self::create_table),
    /// [`add_replicas`](Self::add_replicas), if there are any, and the switches would send
    /// to this Region. Nothing is sent.
    ///
    /// # Errors
    /// None that a store which was made could meet.
    pub async fn table_requests(
        &self,
        replicas: &[String],
        witness: Option<&str>,
    ) -> Result<Vec<TableRequest>, StoreError> {
        let recorder = Recorder::default();
        let connector = SharedHttpConnector::new(recorder.clone());
        let store = Self::new(&self.table, Settings::default())?;
        store.connection.use_connector(connector);
        store.create_table().await?;
        if replicas.is_empty() {
            store.switch_expiry_on().await?;
        } else {
            store.add_replicas(replicas, witness).await?;
        }
        store.switch_backups_on().await?;
        let mut sent = recorder.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::take(&mut *sent))
    }

    /// The region that requests go to, once credentials and settings were found.
    ///
    /// # Errors
    /// [`StoreError::Configuration`].
    pub async fn region(&self) -> Result<String, StoreError> {
        let turn = self.connection.turn().await?;
        Ok(turn.client().config().region().map_or_else(String::new, ToString::to_string))
    }

    /// The table as it is, if there is one.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn describe_table(&self) -> Result<Option<Table>, StoreError> {
        let turn = self.connection.turn().await?;
        let clock = ServiceClock::default();
        let request = turn.client().describe_table().table_name(&self.table).customize();
        match Box::pin(request.interceptor(clock.clone()).send()).await {
            Ok(reply) => {
                let ahead = *clock.0.lock().unwrap_or_else(PoisonError::into_inner);
                Ok(reply.table.map(|table| summary(&table, ahead)))
            }
            Err(error) => match error.as_service_error() {
                Some(DescribeTableError::ResourceNotFoundException(_)) => Ok(None),
                _ => Err(self.refused(&error, "DescribeTable")),
            },
        }
    }

    /// Asks for the table: on-demand billing, encryption by KMS, protection from
    /// deletion. It can be used once it is `ACTIVE`. Returns whether it is new.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn create_table(&self) -> Result<bool, StoreError> {
        let turn = self.connection.turn().await?;
        let attribute = AttributeDefinition::builder()
            .attribute_name(field::USER_ID)
            .attribute_type(ScalarAttributeType::S)
            .build();
        let key = KeySchemaElement::builder()
            .attribute_name(field::USER_ID)
            .key_type(KeyType::Hash)
            .build();
        let (Ok(attribute), Ok(key)) = (attribute, key) else { unreachable!("both are whole") };
        let request = turn
            .client()
            .create_table()
            .table_name(&self.table)
            .attribute_definitions(attribute)
            .key_schema(key)
            .billing_mode(BillingMode::PayPerRequest)
            .sse_specification(SseSpecification::builder().enabled(true).build())
            .deletion_protection_enabled(true);
        let Err(error) = Box::pin(request.send()).await else { return Ok(true) };
        match error.as_service_error() {
            // Ours, when a reply was lost, or somebody else's: it is there.
            Some(CreateTableError::ResourceInUseException(_)) => Ok(false),
            _ => Err(self.refused(&error, "CreateTable")),
        }
    }

    /// Asks for copies in other Regions, and that all decide as one (multi-Region strong
    /// consistency): DynamoDB wants two, or one and a witness, and an empty table. They can
    /// be used once [`Table::replicas`] says `ACTIVE`. Returns whether this call did it;
    /// otherwise the table is being changed already.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn add_replicas(
        &self,
        regions: &[String],
        witness: Option<&str>,
    ) -> Result<bool, StoreError> {
        let turn = self.connection.turn().await?;
        let mut request = turn
            .client()
            .update_table()
            .table_name(&self.table)
            .multi_region_consistency(MultiRegionConsistency::Strong);
        for region in regions {
            let copy = CreateReplicationGroupMemberAction::builder().region_name(region).build();
            let Ok(copy) = copy else { unreachable!("it is whole") };
            request =
                request.replica_updates(ReplicationGroupUpdate::builder().create(copy).build());
        }
        if let Some(region) = witness {
            let builder = CreateGlobalTableWitnessGroupMemberAction::builder();
            let Ok(create) = builder.region_name(region).build() else {
                unreachable!("it is whole")
            };
            let update = GlobalTableWitnessGroupUpdate::builder().create(create).build();
            request = request.global_table_witness_updates(update);
        }
        let Err(error) = Box::pin(request.send()).await else { return Ok(true) };
        match error.as_service_error() {
            // Ours, when a reply was lost, or somebody else's: it is under way.
            Some(UpdateTableError::ResourceInUseException(_)) => Ok(false),
            _ => Err(self.refused(&error, "UpdateTable")),
        }
    }

    /// Switches deletion protection on. Each Region has its own.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn switch_protection_on(&self) -> Result<Switch, StoreError> {
        let turn = self.connection.turn().await?;
        let request = turn.client().update_table().table_name(&self.table);
        match Box::pin(request.deletion_protection_enabled(true).send()).await {
            Ok(_) => Ok(Switch::On),
            Err(error) => self.unknown(&error, "UpdateTable"),
        }
    }

    /// Whether items that have expired are swept away, by `expires_at`.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn expiry(&self) -> Result<Switch, StoreError> {
        let turn = self.connection.turn().await?;
        let request = turn.client().describe_time_to_live().table_name(&self.table);
        let reply = match Box::pin(request.send()).await {
            Ok(reply) => reply.time_to_live_description,
            Err(error) => return self.unknown(&error, "DescribeTimeToLive"),
        };
        let Some(reply) = reply else { return Ok(Switch::Off) };
        Ok(match (reply.time_to_live_status, reply.attribute_name) {
            (Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling), Some(name)) => {
                if name == field::EXPIRES_AT { Switch::On } else { Switch::Elsewhere(name) }
            }
            _ => Switch::Off,
        })
    }

    /// Lets DynamoDB sweep away items whose `expires_at` has passed.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn switch_expiry_on(&self) -> Result<Switch, StoreError> {
        let turn = self.connection.turn().await?;
        let how = TimeToLiveSpecification::builder()
            .attribute_name(field::EXPIRES_AT)
            .enabled(true)
            .build();
        let Ok(how) = how else { unreachable!("it is whole") };
        let request = turn.client().update_time_to_live().table_name(&self.table);
        match Box::pin(request.time_to_live_specification(how).send()).await {
            Ok(_) => Ok(Switch::On),
            Err(error) => self.unknown(&error, "UpdateTimeToLive"),
        }
    }

    /// Whether the table can be restored to any second of the last 35 days.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn backups(&self) -> Result<Switch, StoreError> {
        let turn = self.connection.turn().await?;
        let request = turn.client().describe_continuous_backups().table_name(&self.table);
        let reply = match Box::pin(request.send()).await {
            Ok(reply) => reply.continuous_backups_description,
            Err(error) => return self.unknown(&error, "DescribeContinuousBackups"),
        };
        let status = reply
            .and_then(|reply| reply.point_in_time_recovery_description)
            .and_then(|reply| reply.point_in_time_recovery_status);
        Ok(if status == Some(PointInTimeRecoveryStatus::Enabled) {
            Switch::On
        } else {
            Switch::Off
        })
    }

    /// Switches point-in-time recovery on.
    ///
    /// # Errors
    /// Every kind of [`StoreError`].
    pub async fn switch_backups_on(&self) -> Result<Switch, StoreError> {
        let turn = self.connection.turn().await?;
        let how = PointInTimeRecoverySpecification::builder()
            .point_in_time_recovery_enabled(true)
            .build();
        let Ok(how) = how else { unreachable!("it is whole") };
        let request = turn.client().update_continuous_backups().table_name(&self.table);
        match Box::pin(request.point_in_time_recovery_specification(how).send()).await {
            Ok(_) => Ok(Switch::On),
            Err(error) => self.unknown(&error, "UpdateContinuousBackups"),
        }
    }

    /// What the endpoint does not have or show is worth a word, not a failure.
    fn unknown<E>(&self, error: &SdkError<E>, operation: &str) -> Result<Switch, StoreError>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        match error.as_service_error().and_then(ProvideErrorMetadata::code) {
            Some("AccessDeniedException") => {
                Ok(Switch::Unknown(format!("no permission for dynamodb:{operation}")))
            }
            Some("UnknownOperationException") => {
                Ok(Switch::Unknown(format!("this endpoint does not support {operation}")))
            }
            _ => Err(self.refused(error, operation)),
        }
    }

    fn refused<E>(&self, error: &SdkError<E>, operation: &str) -> StoreError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        match error.as_service_error().and_then(ProvideErrorMetadata::code) {
            // The general text for this one is about items.
            Some(code @ ("ValidationException" | "LimitExceededException")) => {
                let said = error.as_service_error().and_then(ProvideErrorMetadata::message);
                let said = said.unwrap_or_default();
                StoreError::Configuration(format!("DynamoDB refused {operation}: {code}: {said}"))
            }
            _ => self.failed(error),
        }
    }
}

fn summary(table: &TableDescription, ahead_ms: Option<i64>) -> Table {
    let kind = |name: &str| {
        let attribute = table.attribute_definitions().iter().find(|a| a.attribute_name() == name);
        attribute.map_or("?", |attribute| attribute.attribute_type().as_str())
    };
    let keys = table.key_schema().iter();
    let keys: Vec<_> = keys
        .map(|key| format!("{} ({})", key.attribute_name(), kind(key.attribute_name())))
        .collect();
    let key = keys.join(", ");
    let billing = table.billing_mode_summary().and_then(|billing| billing.billing_mode());
    let encryption = table.sse_description().and_then(|sse| sse.status());
    let copies = table.replicas().iter().map(|copy| Replica {
        region: copy.region_name().unwrap_or("?").to_owned(),
        status: copy.replica_status().map_or("?", ReplicaStatus::as_str).to_owned(),
        witness: false,
    });
    let witnesses = table.global_table_witnesses().iter().map(|witness| Replica {
        region: witness.region_name().unwrap_or("?").to_owned(),
        status: witness.witness_status().map_or("?", WitnessStatus::as_str).to_owned(),
        witness: true,
    });
    let replicas: Vec<_> = copies.chain(witnesses).collect();
    // A global table from before there were two modes has none, and is eventually consistent.
    let strong = table.multi_region_consistency() == Some(&MultiRegionConsistency::Strong);
    Table {
        status: table.table_status().map_or("?", TableStatus::as_str).to_owned(),
        usable: matches!(table.table_status(), Some(TableStatus::Active | TableStatus::Updating)),
        key_fits: key == format!("{} (S)", field::USER_ID),
        key,
        items: table.item_count().unwrap_or(0),
        on_demand: billing == Some(&BillingMode::PayPerRequest),
        kms: matches!(encryption, Some(SseStatus::Enabled | SseStatus::Updating)),
        protected: table.deletion_protection_enabled() == Some(true),
        strong: (!replicas.is_empty()).then_some(strong),
        replicas,
        ahead_ms,
    }
}

/// Reads the service's clock off its reply.
#[derive(Debug, Clone, Default)]
struct ServiceClock(Arc<Mutex<Option<i64>>>);

impl Intercept for ServiceClock {
    fn name(&self) -> &'static str {
        "ServiceClock"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        let date = date.and_then(|date| DateTime::from_str(date, Format::HttpDate).ok());
        let service = date.and_then(|date| date.to_millis().ok());
        let ours = DateTime::from(SystemTime::now()).to_millis().ok();
        // The header leaves out the fraction of its second: half of one, on average.
        let ahead = service.zip(ours).map(|(service, ours)| ours - (service + 500));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = ahead;
        Ok(())
    }
}

/// Stands where the network would, and keeps what was to be sent.
#[derive(Debug, Clone, Default)]
struct Recorder(Arc<Mutex<Vec<TableRequest>>>);

impl HttpConnector for Recorder {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default());
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sent.push(TableRequest { operation, body: body.into_owned() });
        let done = StatusCode::try_from(200).unwrap_or_else(|_| unreachable!("OK"));
        HttpConnectorFuture::ready(Ok(HttpResponse::new(done, SdkBody::from("{}"))))
    }
}
