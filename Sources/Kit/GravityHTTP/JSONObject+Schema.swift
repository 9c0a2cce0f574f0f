public import GravityContracts

extension JSONObject: SchemaDescribing {
  public static var schema: Schema { .dictionary(.any) }
  public static var example: JSONObject { [:] }
}
