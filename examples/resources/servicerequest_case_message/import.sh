# The ID is CASE_ID/MESSAGE_ID, or CASE_ID/MESSAGE_ID/GROUP_ID for a ticket of another user in the
# same group. The servicerequest_case_messages data source and terraform query list the message IDs.
terraform import servicerequest_case_message.imported TT201801020526/message-00000001
