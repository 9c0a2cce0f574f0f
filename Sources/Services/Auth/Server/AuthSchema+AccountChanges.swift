import GravityData

extension AuthSchema {
  static let accountChanges: [SQL] = [
    .table(
      "account_changes",
      """
      id \(type: .uuid) PRIMARY KEY, account_id \(type: .uuid) NOT NULL, kind \(type: .text) NOT NULL,
      former \(type: .text), latter \(type: .text) NOT NULL, reason \(type: .text), changed_by \(type: .text) NOT NULL,
      changed_at \(type: .timestamptz) NOT NULL
      """),
    "CREATE INDEX account_changes_account ON account_changes (account_id, id)",
  ]
}
