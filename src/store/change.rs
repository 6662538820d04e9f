//! An operator's write of one attribute: it holds only while the enrollment and the last such
//! write are as they were read, so one that arrives late does nothing.

use aws_sdk_dynamodb::operation::update_item::UpdateItemInput;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure::AllOld};

use super::item::{Item, failed_condition, field, s, write_id};
use super::{MAX_TURNS, Store, StoreError, too_many_changes};

impl Store {
    /// Reads a user's item and updates it, again while others come in between. In `update`,
    /// `:id` is for `change_id`. `arrived` tells, of what is there instead, whether it is our
    /// first try, whose reply was lost. Returns whether there is such a user.
    pub(super) async fn change(
        &self,
        user: &str,
        update: &str,
        (name, value): (&str, AttributeValue),
        arrived: impl Fn(&Item, &str) -> bool,
    ) -> Result<bool, StoreError> {
        let mut seen = self.read(user).await?;
        let turn = self.connection.turn().await?;
        let id = write_id()?;
        for _ in 0..MAX_TURNS {
            let Some(item) = seen else { return Ok(false) };
            let (unchanged, change) = item.unchanged(field::CHANGE_ID);
            let (same, enrollment) = Item::still_there(Some(&item));
            let mut request = UpdateItemInput::builder()
                .table_name(&self.table)
                .key(field::USER_ID, s(user))
                .update_expression(update)
                .condition_expression(format!("{same} AND {unchanged}"))
                .expression_attribute_values(name, value.clone())
                .expression_attribute_values(":id", s(&id))
                .return_values_on_condition_check_failure(AllOld);
            let enrollment = enrollment.map(|value| (":seen".to_owned(), value));
            for (name, value) in enrollment.into_iter().chain(change) {
                request = request.expression_attribute_values(name, value);
            }
            let Err(error) = turn.send(request).await else { return Ok(true) };
            let Some(old) = failed_condition(&error) else {
                return Err(self.failed(&error));
            };
            let old = Item::returned(user, old).filter(|old| !old.is_tombstone());
            if old.as_ref().is_some_and(|old| arrived(old, &id)) {
                return Ok(true);
            }
            seen = old;
        }
        too_many_changes()
    }
}
