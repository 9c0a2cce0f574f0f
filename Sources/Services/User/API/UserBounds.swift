public import GravityContracts

// What the fields of what the user service takes may be, beyond their types.

extension FieldBounds {
  /// E.164, with what people write between the digits.
  static let phone = FieldBounds.text(8...64, pattern: #"^\+[ .()-]*[1-9](?:[ .()-]*[0-9]){6,14}[ .()-]*$"#)
  static let timeZone = FieldBounds.text(2...64, format: "time-zone")
  /// `marketing`, `web`.
  static let consentName = FieldBounds.text(1...50, pattern: "^[a-z][a-z0-9_-]*$")
}

extension ProfileUpdate: FieldBounded {
  public static var bounds: [String: FieldBounds] {
    [
      "display_name": .plainText(200), "given_name": .plainText(100), "family_name": .plainText(100),
      "bio": .plainText(500, lines: true), "phone": .phone, "locale": .languageTag, "timezone": .timeZone,
      "avatar_url": .webAddress(2048),
    ]
  }
}

extension UserSearch: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["q": .text(1...320, format: "search-words"), "email": .email] }
}

extension NewPostalAddress: FieldBounded {
  // What forms send empty counts as left out.
  public static var bounds: [String: FieldBounds] {
    [
      "name": .plainText(100), "company": .line(100), "line1": .plainText(200), "line2": .line(200),
      "city": .line(100), "region": .line(200), "postal_code": .line(20),
      "phone": .text(0...64, format: "phone-or-blank"),
      "country": .text(2...2, format: "iso-3166"),
    ]
  }
}

extension PostalAddressUpdate: FieldBounded {
  public static var bounds: [String: FieldBounds] { NewPostalAddress.bounds }
  public static var neverNull: Set<String> { ["name", "line1", "country", "default_shipping", "default_billing"] }
}

extension NewConsentDocument: FieldBounded {
  public static var bounds: [String: FieldBounds] {
    ["purpose": .consentName, "title": .plainText(200), "text": .plainText(20_000, lines: true, tabs: true)]
  }
}

extension ConsentDocumentSearch: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["purpose": .consentName] }
}

extension ConsentChange: FieldBounded {
  public static var bounds: [String: FieldBounds] {
    ["purpose": .consentName, "source": .consentName]
  }
}

extension NewTeam: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["name": .plainText(60)] }
}

extension TeamUpdate: FieldBounded {
  public static var bounds: [String: FieldBounds] { NewTeam.bounds }
}

extension NewTeamInvite: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["email": .email, "expires_in_days": .integer(1...30)] }
}

extension TeamInviteToken: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["token": .text(43...43, pattern: "^[A-Za-z0-9_-]{43}$")] }
}

extension LegalHoldReason: FieldBounded {
  public static var bounds: [String: FieldBounds] { ["reason": .plainText(500)] }
}
