public import Foundation
public import GravityContracts

/// The OpenAPI 3.1 document of endpoints, in stable order.
public struct OpenAPI {
  public var title: String
  public var version: String
  public var endpoints: [any EndpointDescription]

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
    var schemas: [String: Any] = [:]
    var paths: [String: [String: Any]] = [:]
    // Endpoints between services are not part of the public interface.
    for endpoint in endpoints where endpoint.access != .service {
      paths[endpoint.path, default: [:]][endpoint.method.rawValue.lowercased()] = endpoint.operation(&schemas)
    }
    return try JSONSerialization.data(
      withJSONObject: [
        "openapi": "3.1.0", "info": ["title": title, "version": version], "servers": [["url": "/"]], "paths": paths,
        "components": [
          "schemas": schemas,
          "securitySchemes": ["bearer": ["type": "http", "scheme": "bearer", "bearerFormat": "JWT"]],
        ],
      ] as [String: Any], options: [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes])
  }
}

extension EndpointDescription {
  fileprivate func operation(_ schemas: inout [String: Any]) -> [String: Any] {
    var operation: [String: Any] = ["operationId": name, "tags": [tag]]
    if !summary.isEmpty { operation["summary"] = summary }
    var parameters: [[String: Any]] = headerParameters
    if case .object(let fields, let type) = Schema(of: Request.self) {
      let inPath = fields.filter { pathFields.contains($0.name) }
      let others = fields.filter { !pathFields.contains($0.name) }
      for (place, field) in inPath.map({ ("path", $0) }) + (hasBody ? [] : others.map { ("query", $0) }) {
        parameters.append([
          "name": field.name, "in": place, "required": place == "path" || field.isRequired,
          "schema": field.schema.json(&schemas),
        ])
      }
      if hasBody {
        let name = inPath.isEmpty ? type : type + "Body"
        operation["requestBody"] = [
          // Where every field may be left out, so may the body.
          "required": body != .json || others.contains(where: \.isRequired),
          "content": [
            body == .json ? "application/json" : "application/x-www-form-urlencoded": [
              "schema": Schema.object(others, name: name).json(&schemas)
            ]
          ],
        ]
      }
    }
    if case .content(let types, _) = body {
      let schema = ["schema": ["type": "string", "format": "binary"]]
      operation["requestBody"] = [
        "required": true, "content": Dictionary(uniqueKeysWithValues: types.map { ($0, schema) }),
      ]
    }
    if !parameters.isEmpty { operation["parameters"] = parameters }
    operation["responses"] = responses(&schemas)
    operation["security"] = access == .public ? [[String: [String]]]() : [["bearer": [String]()]]
    if case .permission(let permission) = access { operation["x-permission"] = permission.rawValue }
    return operation
  }

  /// `/api/v1/auth/login` → `auth`.
  private var tag: String {
    let parts = path.split(separator: "/")
    return parts.count > 2 && parts[0] == "api" ? String(parts[2]) : String(parts.first ?? "")
  }

  private var headerParameters: [[String: Any]] {
    var parameters: [[String: Any]] = []
    if idempotency != .none {
      parameters.append([
        "name": "Idempotency-Key", "in": "header", "required": idempotency == .required,
        "schema": ["type": "string", "minLength": 1, "maxLength": 255],
      ])
    }
    if precondition != .none {
      parameters.append([
        "name": "If-Match", "in": "header", "required": precondition == .required, "schema": ["type": "string"],
      ])
    }
    return parameters
  }

  private static var oauthError: [String: Any] {
    let string = ["type": "string"]
    return [
      "type": "object", "required": ["error"],
      "properties": ["error": string, "error_description": string],
    ]
  }

  private func responses(_ schemas: inout [String: Any]) -> [String: Any] {
    var responses: [String: Any] = [:]
    if Response.self == Empty.self {
      responses[String(success)] = ["description": "Done."]
    } else if Response.self == Content.self || Response.self == EventStream.self {
      responses[String(success)] = ["description": "Success.", "content": [produces: ["schema": ["type": "string"]]]]
    } else {
      responses[String(success)] = [
        "description": "Success.",
        "content": [produces: ["schema": Schema(of: Response.self).json(&schemas)]],
      ]
    }
    for status in otherSuccess { responses[String(status)] = responses[String(success)] }
    let codes = problems.isEmpty ? "" : " Codes of its own: \(problems.map(\.rawValue).joined(separator: ", "))."
    responses["default"] =
      switch errors {
      case .problem:
        [
          "description": "A problem.\(codes)",
          "content": ["application/problem+json": ["schema": Schema(of: Problem.self).json(&schemas)]],
        ]
      case .oauth:
        [
          "description": "An error of OAuth (RFC 6749 §5.2).\(codes)",
          "content": ["application/json": ["schema": Self.oauthError]],
        ]
      }
    return responses
  }
}

extension Schema {
  fileprivate func json(_ schemas: inout [String: Any]) -> [String: Any] {
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
    case .array(let item): return ["type": "array", "items": item.json(&schemas)]
    case .dictionary(let value): return ["type": "object", "additionalProperties": value.json(&schemas)]
    case .nullable(let inner): return ["anyOf": [inner.json(&schemas), ["type": "null"]]]
    case .object(let fields, let name):
      if !fields.isEmpty {
        var properties: [String: Any] = [:]
        for field in fields { properties[field.name] = field.schema.json(&schemas) }
        var object: [String: Any] = ["type": "object", "properties": properties]
        let required = fields.filter(\.isRequired).map(\.name).sorted()
        if !required.isEmpty { object["required"] = required }
        schemas[name] = object
      }
      return ["$ref": "#/components/schemas/\(name)"]
    }
  }
}
