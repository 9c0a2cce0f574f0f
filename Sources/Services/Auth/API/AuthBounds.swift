public import GravityContracts

// What the fields of what auth takes may be, beyond their types.

extension FieldBounds {
  /// As `PasswordPolicy` has it; which passwords are too common no schema can say.
  static let newPassword = FieldBounds.text(8...128)
  static let personName = FieldBounds.plainText(200)
  static let roleName = FieldBounds.text(1...64, pattern: "^[a-z][a-z0-9_-]*$")
  /// A permission, or one of the scopes that are none.
  fileprivate static func scope(_ others: String) -> FieldBounds {
    .text(3...129, pattern: "(^(?:\(others))$)|\(Permission.pattern)")
  }
  fileprivate static let keyScope = scope("account")
  fileprivate static let clientScope = scope("openid|profile|email|offline_access|account")
  fileprivate static let addresses = FieldBounds.items(0...20, each: .text(1...2000, format: "redirect-uri"))
}

extension Registration: FieldBounded {
  public static var bounds: [String: FieldBounds] {
    ["email": .email, "password": .newPassword, "name": .personName]
  }
}

extension Address: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["email": .email] }
}

extension PasswordChange: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["new_password": .newPassword] }
}

extension EmailChange: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["new_email": .email] }
}

extension Recovery: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["new_password": .newPassword] }
}

extension AccountSearch: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["email": .email, "q": .text(1...254), "role": .roleName] }
}

extension AccountUpdate: FieldBounded {
  public static var bounds: [String: FieldBounds] {
    ["name": .personName, "roles": .items(0...32, each: .roleName), "reason": .text(1...500, pattern: #"\S"#)]
  }
}

extension NewRole: FieldBounded {
  public static var bounds: [String: FieldBounds] {
    ["name": .roleName, "description": .text(0...500), "permissions": .items(0...200)]
  }
}

extension RoleUpdate: FieldBounded {
  public static var bounds: [String: FieldBounds] {
    ["description": .text(0...500), "permissions": .items(0...200)]
  }
}

extension NewAPIKey: FieldBounded {
  public static var bounds: [String: FieldBounds] {
    ["name": .personName, "scopes": .items(1...100, each: .keyScope)]
  }
}

extension NewClient: FieldBounded {
  public static var bounds: [String: FieldBounds] {
    [
      "name": .personName, "grants": .items(1...4, unique: true),
      "scopes": .items(0...100, each: .clientScope, unique: true), "redirect_uris": .addresses,
      "post_logout_redirect_uris": .addresses,
    ]
  }
}

extension ClientUpdate: FieldBounded {
  public static var bounds: [String: FieldBounds] { NewClient.bounds }
}

extension ClientKeySet: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["keys": .items(1...10)] }
}
