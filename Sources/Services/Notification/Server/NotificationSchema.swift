public import GravityData
import GravityEvents
import GravityPersonalData
import GravityTasks

/// The tables of notif_db.
public enum NotificationSchema {
  public static let migrations: [Migration] = [
    Migration(1, "idempotency", Idempotency.migrationStatements),
    Migration(2, "notifications and their deliveries", notifications + deliveries),
    Migration(3, "templates", templates),
    Migration(4, "events", Outbox.migrationStatements + EventConsumer.migrationStatements),
    Migration(5, "tasks", TaskQueue.migrationStatements + Lease.migrationStatements),
    Migration(6, "webhooks", webhooks),
    Migration(7, "times to send at, and addresses that are not written to", scheduling + suppressions),
    Migration(
      8, "notifications by the address that was given",
      ["CREATE INDEX notifications_address ON notifications (address, id) WHERE address IS NOT NULL"]),
    Migration(9, "when a notification makes no sense any more", expiry),
    Migration(10, "who unsubscribed by a link", optOuts),
    Migration(11, "who is erased", PersonalDataHolder.migrationStatements),
    Migration(12, "text messages, push messages and inboxes", phones + devices + inboxes),
    Migration(13, "what is to be forgotten, and what each webhook is being told", ages + webhooksAtWork),
  ]

  private static let notifications: [SQL] = [
    .table(
      "notifications",
      """
      id \(type: .uuid) PRIMARY KEY, template \(type: .text) NOT NULL, source \(type: .text) NOT NULL,
      user_id \(type: .uuid), address \(type: .text), name \(type: .text), locale \(type: .text), data \(type: .text),
      about \(type: .text), once_key \(type: .text), traceparent \(type: .text),
      created_at \(type: .timestamptz) NOT NULL
      """),
    // What makes an event that is told twice, in whatever way, lead to one message.
    "CREATE UNIQUE INDEX notifications_once_key ON notifications (once_key) WHERE once_key IS NOT NULL",
    "CREATE INDEX notifications_user ON notifications (user_id, id) WHERE user_id IS NOT NULL",
    "CREATE INDEX notifications_about ON notifications (about, id) WHERE about IS NOT NULL",
    .table("erased_users", "user_id \(type: .uuid) PRIMARY KEY, erased_at \(type: .timestamptz) NOT NULL"),
  ]

  private static let deliveries: [SQL] = [
    .table(
      "deliveries",
      """
      id \(type: .uuid) PRIMARY KEY, notification_id \(type: .uuid) NOT NULL, channel \(type: .text) NOT NULL,
      state \(type: .text) NOT NULL, reason \(type: .text), error \(type: .text), attempt \(type: .bigint) NOT NULL,
      failures \(type: .bigint) NOT NULL, due_at \(type: .timestamptz), sent_at \(type: .timestamptz),
      steps \(type: .bigint) NOT NULL, created_at \(type: .timestamptz) NOT NULL
      """)
      // Each row is changed twice within a second and then never again.
      + .only(
        .postgresql,
        " WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 200)"),
    "CREATE UNIQUE INDEX deliveries_notification ON deliveries (notification_id, channel)",
    "CREATE INDEX deliveries_due_at ON deliveries (due_at, id) WHERE due_at IS NOT NULL",
    // Not those that were sent, which are nearly all: nobody looks for them by their state.
    "CREATE INDEX deliveries_state ON deliveries (state, notification_id) WHERE state <> 'sent'",
    .table(
      "delivery_steps",
      """
      delivery_id \(type: .uuid) NOT NULL, number \(type: .bigint) NOT NULL, at \(type: .timestamptz) NOT NULL,
      state \(type: .text) NOT NULL, reason \(type: .text), detail \(type: .text), PRIMARY KEY (delivery_id, number)
      """),
    .table(
      "messages",
      """
      delivery_id \(type: .uuid) PRIMARY KEY, recipient \(type: .text) NOT NULL, subject \(type: .text) NOT NULL,
      body \(type: .text) NOT NULL, html \(type: .text), locale \(type: .text) NOT NULL,
      template_version \(type: .bigint) NOT NULL, written_at \(type: .timestamptz) NOT NULL
      """),
    "CREATE INDEX messages_recipient ON messages (recipient, delivery_id)",
    "CREATE INDEX messages_written_at ON messages (written_at)",
  ]

  private static let templates: [SQL] = [
    .table(
      "templates",
      """
      name \(type: .text) PRIMARY KEY, published_version \(type: .bigint), last_version \(type: .bigint) NOT NULL,
      draft \(type: .text), version \(type: .bigint) NOT NULL, created_at \(type: .timestamptz) NOT NULL,
      updated_at \(type: .timestamptz) NOT NULL
      """),
    .table(
      "template_versions",
      """
      name \(type: .text) NOT NULL, version \(type: .bigint) NOT NULL, content \(type: .text) NOT NULL,
      note \(type: .text), created_by \(type: .text) NOT NULL, created_at \(type: .timestamptz) NOT NULL,
      PRIMARY KEY (name, version)
      """),
  ]

  private static let scheduling: [SQL] = ["ALTER TABLE notifications ADD COLUMN send_at \(type: .timestamptz)"]

  private static let expiry: [SQL] = ["ALTER TABLE notifications ADD COLUMN expires_at \(type: .timestamptz)"]

  private static let optOuts: [SQL] = [
    .table(
      "opt_outs",
      """
      reader \(type: .text) NOT NULL, category \(type: .text) NOT NULL, user_id \(type: .uuid),
      created_at \(type: .timestamptz) NOT NULL, PRIMARY KEY (reader, category)
      """),
    "CREATE INDEX opt_outs_user ON opt_outs (user_id) WHERE user_id IS NOT NULL",
  ]

  private static let suppressions: [SQL] = [
    .table(
      "suppressions",
      """
      address \(type: .text) PRIMARY KEY, reason \(type: .text) NOT NULL, delivery_id \(type: .uuid),
      user_id \(type: .uuid), created_at \(type: .timestamptz) NOT NULL
      """),
    "CREATE INDEX suppressions_user ON suppressions (user_id) WHERE user_id IS NOT NULL",
  ]

  /// What most notifications never have, so both are small.
  private static let ages: [SQL] = [
    """
    CREATE INDEX notifications_expires_at ON notifications (expires_at) WHERE data IS NOT NULL AND expires_at IS NOT NULL
    """,
    """
    CREATE INDEX notifications_kept ON notifications (COALESCE(send_at, created_at))
    WHERE (address IS NOT NULL OR phone IS NOT NULL OR name IS NOT NULL OR data IS NOT NULL)
    """,
  ]

  private static let webhooksAtWork: [SQL] = [
    "CREATE INDEX webhook_deliveries_sending ON webhook_deliveries (webhook_id) WHERE state = 'sending'"
  ]

  private static let phones: [SQL] = [
    "ALTER TABLE notifications ADD COLUMN phone \(type: .text)",
    // Each channel has a queue of its own: a provider that is slow holds no mail back.
    "CREATE INDEX deliveries_channel_due_at ON deliveries (channel, due_at, id) WHERE due_at IS NOT NULL",
  ]

  private static let devices: [SQL] = [
    .table(
      "push_devices",
      """
      id \(type: .uuid) PRIMARY KEY, user_id \(type: .uuid) NOT NULL, platform \(type: .text) NOT NULL,
      token \(type: .text) NOT NULL, token_digest \(type: .text) NOT NULL, name \(type: .text),
      registered_at \(type: .timestamptz) NOT NULL
      """),
    // A token is longer than an index takes.
    "CREATE UNIQUE INDEX push_devices_token ON push_devices (token_digest)",
    "CREATE INDEX push_devices_user ON push_devices (user_id, registered_at)",
  ]

  /// `inboxes.position` counts up with every change of a user's inbox, in the order of the commits.
  private static let inboxes: [SQL] = [
    .table(
      "inboxes",
      """
      user_id \(type: .uuid) PRIMARY KEY, position \(type: .bigint) NOT NULL, removed_position \(type: .bigint) NOT NULL,
      items \(type: .bigint) NOT NULL
      """),
    .table(
      "inbox_items",
      """
      id \(type: .uuid) PRIMARY KEY, user_id \(type: .uuid) NOT NULL, notification_id \(type: .uuid) NOT NULL,
      number \(type: .bigint) NOT NULL, position \(type: .bigint) NOT NULL, category \(type: .text) NOT NULL,
      title \(type: .text) NOT NULL, body \(type: .text) NOT NULL, link \(type: .text), about \(type: .text),
      seen_at \(type: .timestamptz), read_at \(type: .timestamptz), archived_at \(type: .timestamptz),
      expires_at \(type: .timestamptz), created_at \(type: .timestamptz) NOT NULL
      """),
    "CREATE UNIQUE INDEX inbox_items_number ON inbox_items (user_id, number)",
    "CREATE INDEX inbox_items_position ON inbox_items (user_id, position)",
    "CREATE INDEX inbox_items_unread ON inbox_items (user_id) WHERE read_at IS NULL",
    "CREATE INDEX inbox_items_unseen ON inbox_items (user_id) WHERE seen_at IS NULL",
    "CREATE INDEX inbox_items_expires_at ON inbox_items (expires_at) WHERE expires_at IS NOT NULL",
  ]

  private static let webhooks: [SQL] = [
    .table(
      "webhooks",
      """
      id \(type: .uuid) PRIMARY KEY, url \(type: .text) NOT NULL, events \(type: .text) NOT NULL,
      description \(type: .text), state \(type: .text) NOT NULL, reason \(type: .text),
      failing_since \(type: .timestamptz), secret \(type: .bytea) NOT NULL, former_secret \(type: .bytea),
      former_until \(type: .timestamptz), created_by \(type: .text) NOT NULL, version \(type: .bigint) NOT NULL,
      created_at \(type: .timestamptz) NOT NULL, updated_at \(type: .timestamptz) NOT NULL
      """),
    // One row from the first webhook on.
    .table("webhook_intake", "id \(type: .bigint) PRIMARY KEY, started_at \(type: .timestamptz) NOT NULL"),
    .table(
      "webhook_deliveries",
      """
      id \(type: .uuid) PRIMARY KEY, webhook_id \(type: .uuid) NOT NULL, event_id \(type: .uuid) NOT NULL,
      event_type \(type: .text) NOT NULL, body \(type: .text) NOT NULL, state \(type: .text) NOT NULL,
      reason \(type: .text), attempt \(type: .bigint) NOT NULL, failures \(type: .bigint) NOT NULL,
      due_at \(type: .timestamptz), response_status \(type: .bigint), created_at \(type: .timestamptz) NOT NULL,
      delivered_at \(type: .timestamptz)
      """),
    // An event that comes twice is sent once to each.
    "CREATE UNIQUE INDEX webhook_deliveries_event ON webhook_deliveries (webhook_id, event_id)",
    "CREATE INDEX webhook_deliveries_due_at ON webhook_deliveries (due_at, id) WHERE due_at IS NOT NULL",
    "CREATE INDEX webhook_deliveries_webhook ON webhook_deliveries (webhook_id, id)",
    "CREATE INDEX webhook_deliveries_created_at ON webhook_deliveries (created_at)",
    .table(
      "webhook_attempts",
      """
      delivery_id \(type: .uuid) NOT NULL, number \(type: .bigint) NOT NULL, at \(type: .timestamptz) NOT NULL,
      response_status \(type: .bigint), error \(type: .text), milliseconds \(type: .bigint) NOT NULL,
      PRIMARY KEY (delivery_id, number)
      """),
  ]
}
