public import GravityContracts

extension NotificationAPI {
  static let inboxEndpoints: [any EndpointDescription] = [
    inbox, inboxCounts, inboxStream, updateInboxItem, deleteInboxItem, readInbox, seeInbox,
  ]

  public static let inbox = Endpoint<InboxQuery, Page<InboxItem>>(
    "inbox", .get, "/api/v1/notifications/inbox", access: .authenticated,
    summary: "What the caller was told in the application, newest first")

  public static let inboxCounts = Endpoint<Empty, InboxCounts>(
    "inboxCounts", .get, "/api/v1/notifications/inbox/counts", access: .authenticated,
    summary: "How much of it is unread, and how much was not even seen")

  /// Events `item` (an ``InboxItem`` that is new or changed), `reload` (something was deleted, or too much was missed: get
  /// the list again) and `counts` (``InboxCounts``). Each `counts` has an id: with it as `Last-Event-ID` nothing that
  /// happened meanwhile is missing. It ends soon after the token has expired or is revoked.
  public static let inboxStream = Endpoint<Empty, EventStream>(
    "inboxStream", .get, "/api/v1/notifications/inbox/stream", access: .authenticated,
    summary: "The caller's inbox as it changes, as server-sent events", problems: ["too_many_streams"])

  public static let updateInboxItem = Endpoint<InboxItemChange, InboxItem>(
    "updateInboxItem", .patch, "/api/v1/notifications/inbox/{id}", access: .authenticated,
    summary: "Mark as read or unread, put into the archive or back", owned: true, problems: ["not_found"])

  public static let deleteInboxItem = Endpoint<InboxItemID, Empty>(
    "deleteInboxItem", .delete, "/api/v1/notifications/inbox/{id}", access: .authenticated,
    summary: "Delete one for good", owned: true, problems: ["not_found"])

  public static let readInbox = Endpoint<InboxMark, InboxCounts>(
    "readInbox", .post, "/api/v1/notifications/inbox/read", access: .authenticated,
    summary: "Mark one and all that are older as read", owned: true, problems: ["not_found"])

  public static let seeInbox = Endpoint<InboxMark, InboxCounts>(
    "seeInbox", .post, "/api/v1/notifications/inbox/seen", access: .authenticated,
    summary: "Mark one and all that are older as seen, as when the list is opened", owned: true,
    problems: ["not_found"])
}
