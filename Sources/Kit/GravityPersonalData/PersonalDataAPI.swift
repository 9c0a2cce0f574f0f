public import Foundation
public import GravityContracts

/// What every service that holds personal data answers to the service that erases and exports: for services only, the
/// gateway routes none of it.
public enum PersonalDataAPI {
  /// What an erasure would do now; it changes nothing.
  public static func inventory(of service: String) -> Endpoint<PersonalDataSubject, PersonalDataInventory> {
    Endpoint(
      "personalDataInventory", .get, "/api/v1/personal-data/\(service)/{user_id}/inventory", access: .service,
      summary: "What an erasure of a person would do here")
  }

  /// What there is about a person, a page at a time, for a copy (GDPR 15 and 20).
  public static func items(of service: String) -> Endpoint<PersonalDataQuery, PersonalDataPage> {
    Endpoint(
      "personalData", .get, "/api/v1/personal-data/\(service)/{user_id}", access: .service,
      summary: "What there is about a person, for the copy that they may ask for")
  }

  public static func endpoints(of service: String) -> [any EndpointDescription] {
    [inventory(of: service), items(of: service)]
  }
}

public struct PersonalDataSubject: Codable, Sendable {
  public var userID: UUID
  public init(userID: UUID) { self.userID = userID }
  enum CodingKeys: String, CodingKey { case userID = "user_id" }
}

public struct PersonalDataInventory: Codable, Sendable, Hashable {
  public var service: String
  /// As in ``ErasureReceipt``, if it were done now.
  public var erases: [String: Int64]
  public var keeps: [String: Int64]
  public var waits: [String: Int64]

  public init(service: String, _ counts: PersonalDataCounts) {
    self.service = service
    erases = counts.erased
    keeps = counts.kept
    waits = counts.waiting
  }
}

public struct PersonalDataQuery: Codable, Sendable {
  public var userID: UUID
  /// 1 to 100.
  public var limit: Int?
  public var cursor: Cursor?

  public init(userID: UUID, limit: Int? = nil, cursor: Cursor? = nil) {
    self.userID = userID
    self.limit = limit
    self.cursor = cursor
  }

  enum CodingKeys: String, CodingKey {
    case limit, cursor
    case userID = "user_id"
  }
}

public struct PersonalDataPage: Codable, Sendable, Hashable {
  public var items: [PersonalDataItem]
  /// nil on the last page.
  public var nextCursor: Cursor?

  public init(items: [PersonalDataItem], nextCursor: Cursor?) {
    self.items = items
    self.nextCursor = nextCursor
  }

  enum CodingKeys: String, CodingKey {
    case items
    case nextCursor = "next_cursor"
  }
}

/// One thing that is kept about a person.
public struct PersonalDataItem: Codable, Sendable, Hashable {
  /// `order`, `session`, …
  public var kind: String
  public var data: JSONValue

  public init(kind: String, data: JSONValue) {
    self.kind = kind
    self.data = data
  }

  /// As the service's own interface writes it.
  /// - Throws: `EncodingError`, `DecodingError`.
  public init(kind: String, _ value: some Encodable) throws {
    self.kind = kind
    data = try WireFormat.makeDecoder().decode(JSONValue.self, from: try WireFormat.makeEncoder().encode(value))
  }
}
