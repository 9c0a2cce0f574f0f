public import Foundation
public import GravityContracts

/// The OpenAPI 3.1 document of endpoints, in stable order.
public struct OpenAPI {
  public var title: String
  public var version: String
  public var endpoints: [any EndpointDescription]

  /// What holds for every operation.
  private static let rules = """
    Texts are UTF-8 without NUL, and their lengths count Unicode code points. JSON has at most \(JSONScan.greatestDepth) \
    levels, and no name twice in an object. A member that may be left out may be null, which is the same unless the \
    operation says otherwise. A cursor is good for the list that it came from.
    """

  public init(title: String, version: String, endpoints: [any EndpointDescription]) {
    self.title = title
    self.version = version
    self.endpoints = endpoints
  }

  /// Types of requests and replies whose schema could not be found; empty unless a declaration is wrong.
  public var unknownTypes: [String] {
    endpoints.flatMap { endpoint -> [String] in
      func unknowns<T: Decodable>(_ type: T.Type) -> [String] { Schema(of: type).unknowns }
      // A stream's events are described by its summary.
      return unknowns(endpoint.requestType)
        + (endpoint.responseType == EventStream.self ? [] : unknowns(endpoint.responseType))
    }
  }

  public func encoded() throws -> Data {
    var components = Components()
    var paths: [String: [String: Any]] = [:]
    // Endpoints between services are not part of the public interface.
    let open = endpoints.filter { $0.access != .service }
    var operations = open.map { $0.operation(&components) }
    components.isTaken = false
    for (index, endpoint) in open.enumerated() {
      operations[index]["responses"] = endpoint.responses(&components)
      paths[endpoint.path, default: [:]][endpoint.method.rawValue.lowercased()] = operations[index]
    }
    return try JSONSerialization.data(
      withJSONObject: [
        "openapi": "3.1.0", "info": ["title": title, "version": version, "description": Self.rules],
        "servers": [["url": "/"]], "paths": paths,
        "components": [
          "schemas": components.schemas,
          "securitySchemes": ["bearer": ["type": "http", "scheme": "bearer", "bearerFormat": "JWT"]],
        ],
      ] as [String: Any], options: [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes])
  }
}

/// The named schemas of a document. Those of what is taken are made first: null may stand there for a member that is
/// left out, as the decoder has it; replies have no null.
private struct Components {
  var schemas: [String: Any] = [:]
  var isTaken = true
}

extension EndpointDescription {
  /// Without its responses.
  fileprivate func operation(_ components: inout Components) -> [String: Any] {
    var operation: [String: Any] = ["operationId": name, "tags": [tag]]
    if !summary.isEmpty { operation["summary"] = summary }
    var parameters: [[String: Any]] = headerParameters
    if case .object(let fields, let type) = Schema(of: Request.self) {
      let inPath = fields.filter { pathFields.contains($0.name) }
      let others = fields.filter { !pathFields.contains($0.name) }
      for (place, field) in inPath.map({ ("path", $0) }) + (hasBody ? [] : listed(others).map { ("query", $0) }) {
        parameters.append([
          "name": field.name, "in": place, "required": place == "path" || field.isRequired,
          "schema": field.schema.json(&components),
        ])
      }
      if hasBody, !others.isEmpty {
        let name = inPath.isEmpty ? type : type + "Body"
        components.isTaken = body == .json
        operation["requestBody"] = [
          // Where every field may be left out, so may the body.
          "required": body != .json || others.contains(where: \.isRequired),
          "content": [
            body == .json ? "application/json" : "application/x-www-form-urlencoded": [
              "schema": Schema.object(others, name: name).json(&components)
            ]
          ],
        ]
        components.isTaken = true
      }
    }
    if case .content(let types, _) = body {
      let schema = ["schema": ["type": "string", "format": "binary"]]
      operation["requestBody"] = [
        "required": true, "content": Dictionary(uniqueKeysWithValues: types.map { ($0, schema) }),
      ]
    }
    if !parameters.isEmpty { operation["parameters"] = parameters }
    operation["security"] = access == .public ? [[String: [String]]]() : [["bearer": [String]()]]
    if case .permission(let permission) = access { operation["x-permission"] = permission.rawValue }
    return operation
  }

  /// `/api/v1/auth/login` → `auth`.
  private var tag: String {
    let parts = path.split(separator: "/")
    return parts.count > 2 && parts[0] == "api" ? String(parts[2]) : String(parts.first ?? "")
  }

  /// A list's `limit` is bounded alike wherever it goes with a cursor; a file is longer than a page.
  private func listed(_ fields: [Schema.Field]) -> [Schema.Field] {
    guard Response.self != Content.self, fields.contains(where: { $0.name == "cursor" }) else { return fields }
    return fields.map { field in
      guard field.name == "limit", case .integer = field.schema else { return field }
      return .init(name: field.name, schema: field.schema.bounded(by: PageLimit.bounds), isRequired: field.isRequired)
    }
  }

  private var headerParameters: [[String: Any]] {
    var parameters: [[String: Any]] = []
    if idempotency != .none {
      parameters.append([
        "name": "Idempotency-Key", "in": "header", "required": idempotency == .required,
        "schema": ["type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!#-~]+$"],
      ])
    }
    if precondition != .none {
      parameters.append([
        "name": "If-Match", "in": "header", "required": precondition == .required,
        "schema": ["type": "string", "format": "entity-tags", "pattern": Self.entityTags],
      ])
    }
    return parameters
  }

  /// `*`, or up to 16 entity tags of up to 64 characters (RFC 9110 §13.1.1).
  private static var entityTags: String {
    let tag = #"(?:W/)?"[!#-~]{0,64}""#
    return #"^(?:[*]|\#(tag)(?: *, *\#(tag)){0,15})$"#
  }

  private static var oauthError: [String: Any] {
    let string = ["type": "string"]
    return [
      "type": "object", "required": ["error"],
      "properties": ["error": string, "error_description": string],
    ]
  }

  fileprivate func responses(_ components: inout Components) -> [String: Any] {
    var responses: [String: Any] = [:]
    if Response.self == Empty.self {
      responses[String(success)] = ["description": "Done."]
    } else if Response.self == EventStream.self {
      // Of each event (HTML, "Server-sent events").
      let text = ["type": "string"]
      let event: [String: Any] = ["type": "object", "properties": ["event": text, "data": text, "id": text]]
      responses[String(success)] = ["description": "Success.", "content": [produces: ["schema": event]]]
    } else if Response.self == Content.self {
      responses[String(success)] = ["description": "Success.", "content": [produces: ["schema": ["type": "string"]]]]
    } else {
      responses[String(success)] = [
        "description": "Success.",
        "content": [produces: ["schema": Schema(of: Response.self).json(&components)]],
      ]
    }
    for status in otherSuccess { responses[String(status)] = responses[String(success)] }
    let codes = problems.isEmpty ? "" : " Codes of its own: \(problems.map(\.rawValue).joined(separator: ", "))."
    responses["default"] =
      switch errors {
      case .problem: ["description": "A problem.\(codes)", "content": problemContent(&components)]
      case .oauth:
        [
          "description": "An error of OAuth (RFC 6749 §5.2).\(codes)",
          "content": ["application/json": ["schema": Self.oauthError]],
        ]
      }
    return responses
  }

  /// A page tells a problem in a page; what is wrong with the request as such is told as everywhere.
  private func problemContent(_ components: inout Components) -> [String: Any] {
    var content: [String: Any] = ["application/problem+json": ["schema": Schema(of: Problem.self).json(&components)]]
    if Response.self == Content.self, produces.hasPrefix("text/html") {
      content[produces] = ["schema": ["type": "string"]]
    }
    return content
  }
}

extension Schema {
  fileprivate func json(_ components: inout Components) -> [String: Any] {
    switch self {
    case .any, .unknown: return [:]
    case .boolean: return ["type": "boolean"]
    case .number: return ["type": "number"]
    case .integer(let bits): return ["type": "integer", "format": bits == 64 ? "int64" : "int32"]
    case .string(let format, let values):
      var json: [String: Any] = ["type": "string"]
      json["format"] = format
      json["enum"] = values
      return json
    case .array(let item): return ["type": "array", "items": item.json(&components)]
    case .dictionary(let value): return ["type": "object", "additionalProperties": value.json(&components)]
    case .nullable(let inner): return ["anyOf": [inner.json(&components), ["type": "null"]]]
    case .bounded(.array(let item), .items(let count, let each, let isUnique)):
      let item = each.map { Schema.bounded(item, $0) } ?? item
      var json: [String: Any] = ["type": "array", "items": item.json(&components), "maxItems": count.upperBound]
      if count.lowerBound > 0 { json["minItems"] = count.lowerBound }
      if isUnique { json["uniqueItems"] = true }
      return json
    case .bounded(let inner, let bounds): return inner.json(&components).merging(bounds.keywords) { _, new in new }
    case .object(let fields, let name):
      if !fields.isEmpty, components.isTaken || components.schemas[name] == nil {
        var properties: [String: Any] = [:]
        for field in fields {
          let mayBeNull = components.isTaken && !field.isRequired && field.takesNull
          properties[field.name] = (mayBeNull ? field.schema.orNull : field.schema).json(&components)
        }
        var object: [String: Any] = ["type": "object", "properties": properties]
        let required = fields.filter(\.isRequired).map(\.name).sorted()
        if !required.isEmpty { object["required"] = required }
        components.schemas[name] = object
      }
      return ["$ref": "#/components/schemas/\(name)"]
    }
  }

  private var orNull: Schema {
    switch self {
    case .nullable, .any, .unknown: self
    default: .nullable(self)
    }
  }
}

extension FieldBounds {
  /// Those of JSON Schema (Validation 2020-12 §6).
  fileprivate var keywords: [String: Any] {
    switch self {
    case .text(let length, let pattern, let format):
      var keywords: [String: Any] = ["maxLength": length.upperBound]
      if length.lowerBound > 0 { keywords["minLength"] = length.lowerBound }
      keywords["pattern"] = pattern
      keywords["format"] = format
      return keywords
    case .plainText(let greatest, let lines, let tabs):
      // Something that can be seen, and nothing that `PlainText` refuses.
      let others = (lines ? #"|\r?\n"# : "") + (tabs ? #"|\t"# : "")
      let any = others.isEmpty ? "[^\(Self.notInText)]*" : "(?:[^\(Self.notInText)]\(others))*"
      return ["minLength": 1, "maxLength": greatest, "pattern": #"^\#(any)[^\s\#(Self.notInText)]\#(any)$"#]
    case .integer(let range): return ["minimum": range.lowerBound, "maximum": range.upperBound]
    case .items(let count, _, _): return ["minItems": count.lowerBound, "maxItems": count.upperBound]
    }
  }
}
