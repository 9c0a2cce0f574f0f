import Foundation
import GravityContracts
import NotificationAPI

/// A checked ``NewNotification``.
struct NewNotificationFields: Sendable {
  let template: String
  let userID: UUID?
  let address: String?
  let phone: String?
  /// As asked for; nil for those of the platform.
  let channels: [DeliveryChannel]?
  let name: String?
  let locale: String?
  let data: JSONObject
  /// JSON with its keys in order, so that the same data are the same text.
  let text: String?
  let about: String?
  let sendAt: Date?
  let expiresAt: Date?

  static let greatestData = 32 << 10
  /// Seconds from now.
  static let greatestWait: TimeInterval = 90 * 86_400

  /// - Throws: `Problem` 422 with everything that is wrong.
  init(checking request: NewNotification, now: Date) throws {
    var errors: [Problem.FieldError] = []
    func fail(_ field: String, _ code: String, _ message: String) {
      errors.append(.init(field: field, code: code, message: message))
    }
    if !(1...100).contains(request.template.unicodeScalars.count) {
      fail("template", "range", "must have 1 to 100 characters")
    }
    if request.userID == nil, request.address == nil, request.phone == nil {
      fail("user_id", "required", "user_id, address or phone says whom")
    }
    if let phone = request.phone, PhoneNumber(phone) == nil { fail("phone", "format", PhoneNumber.rule) }
    for (index, channel) in (request.channels ?? []).enumerated() {
      if request.channels?.firstIndex(of: channel) != index {
        fail("channels.\(index)", "duplicate", "\(channel.rawValue) is there twice")
      }
      if !Self.reaches(channel, request) {
        fail(
          "channels.\(index)", "unreachable", "nothing says whom: by \(channel.rawValue) goes to \(Self.needs(channel))"
        )
      }
    }
    if request.channels?.isEmpty == true { fail("channels", "range", "must be at least one, or left out") }
    let address = request.address.flatMap { EmailAddress($0)?.text }
    if request.address != nil, address == nil { fail("address", "format", "is not an e-mail address") }
    if let name = request.name {
      if request.address == nil, request.phone == nil {
        fail("name", "excess", "only with an address or a phone; an account has its own")
      }
      if !(1...200).contains(name.unicodeScalars.count)
        || name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
      {
        fail("name", "format", "must have 1 to 200 characters in one line")
      }
    }
    let locale = request.locale.flatMap { LocaleTag($0)?.text }
    if request.locale != nil, locale == nil { fail("locale", "format", LocaleTag.rule) }
    if let about = request.about,
      !(1...200).contains(about.utf8.count) || !about.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
    {
      fail("about", "format", "must have 1 to 200 printable ASCII characters")
    }
    if let time = request.sendAt, time.timeIntervalSince(now) > Self.greatestWait {
      fail("send_at", "range", "must be at most 90 days ahead")
    }
    if let time = request.expiresAt, time <= now || time <= request.sendAt ?? now {
      fail("expires_at", "range", "must be after now and after send_at")
    }
    if let id = request.id, !Self.isVersion7(id) { fail("id", "format", "must be a version 7 UUID") }
    var text: String?
    if let data = request.data {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      let bytes = try encoder.encode(data)
      if bytes.count > Self.greatestData { fail("data", "too_long", "must have at most \(Self.greatestData) bytes") }
      for taken in ["recipient", "site"] where data.members[taken] != nil {
        fail("data.\(taken)", "excess", "is given by the service")
      }
      text = String(decoding: bytes, as: UTF8.self)
    }
    guard errors.isEmpty else { throw Problem.invalid(errors) }
    template = request.template
    userID = request.userID
    self.address = address
    phone = request.phone
    channels = request.channels
    name = request.name
    self.locale = locale
    data = request.data ?? [:]
    self.text = text
    about = request.about
    sendAt = request.sendAt?.roundedToMicroseconds
    expiresAt = request.expiresAt?.roundedToMicroseconds
  }

  private static func isVersion7(_ id: UUID) -> Bool { id.uuid.6 >> 4 == 7 && id.uuid.8 >> 6 == 2 }

  private static func reaches(_ channel: DeliveryChannel, _ request: NewNotification) -> Bool {
    switch channel {
    case .email: request.address != nil || request.userID != nil
    case .sms: request.phone != nil || request.userID != nil
    case .push, .inApp: request.userID != nil
    }
  }

  private static func needs(_ channel: DeliveryChannel) -> String {
    switch channel {
    case .email: "an address or a user"
    case .sms: "a phone or a user"
    case .push, .inApp: "a user"
    }
  }

  /// By which channels it goes.
  /// - Parameter available: Those that there is something to send by.
  /// - Throws: `Problem` 422 when one that was asked for cannot be used.
  func channels(
    for template: CompiledTemplate, _ available: Set<DeliveryChannel>, _ configuration: NotificationConfiguration
  ) throws -> [DeliveryChannel] {
    guard let channels else {
      guard address != nil || userID != nil else {
        return try checked([.sms], template, available) { _ in "channels" }
      }
      let wanted = configuration.channels.filter { userID != nil || $0 == .email || $0 == .sms && phone != nil }
      return Intake.fit(wanted, template, available)
    }
    return try checked(channels, template, available) { "channels.\($0)" }
  }

  private func checked(
    _ channels: [DeliveryChannel], _ template: CompiledTemplate, _ available: Set<DeliveryChannel>,
    _ field: (Int) -> String
  ) throws -> [DeliveryChannel] {
    var errors: [Problem.FieldError] = []
    for (index, channel) in channels.enumerated() {
      if !available.contains(channel) {
        errors.append(
          .init(field: field(index), code: "unavailable", message: "nothing is set up to send by \(channel.rawValue)"))
      } else if !template.channels.contains(channel) {
        errors.append(
          .init(field: field(index), code: "no_text", message: "the template has no text for \(channel.rawValue)"))
      }
    }
    guard errors.isEmpty else { throw Problem.invalid(errors) }
    return channels
  }

  /// Writes the messages as they would be, so that whoever asks learns of a mistake and not an operator.
  /// - Throws: `Problem` 422.
  func rehearse(
    with template: CompiledTemplate, by channels: [DeliveryChannel], _ configuration: NotificationConfiguration
  ) throws {
    let errors = TemplateData.errors(in: data, template.variables)
    guard errors.isEmpty else { throw Problem.invalid(errors) }
    let data = Composer.with(data, recipient: (address ?? "somebody@example.com", name), configuration)
    for channel in channels {
      do throws(TemplateFault) { _ = try template.render(data, locale: locale, for: channel) } catch {
        throw Problem.invalid("data", error.code, error.message)
      }
    }
  }

  /// As it is written down.
  func row(_ id: UUID, at now: Date) -> NotificationRow {
    NotificationRow(
      id: id, template: template, source: .request, userID: userID, address: address, phone: phone, name: name,
      locale: locale, data: text, about: about, onceKey: nil, traceparent: Intake.traceparent, sendAt: sendAt,
      expiresAt: expiresAt, createdAt: now)
  }

  /// Whether a notification is what these fields ask for.
  func describe(_ row: NotificationRow, _ deliveries: [DeliveryRow]) -> Bool {
    row.template == template && row.userID == userID && row.address == address && row.phone == phone
      && row.name == name && row.locale == locale && row.data == text && row.about == about && row.sendAt == sendAt
      && row.expiresAt == expiresAt && row.source == .request
      && channels.map { Set($0) == Set(deliveries.map(\.channel)) } ?? true
  }
}
