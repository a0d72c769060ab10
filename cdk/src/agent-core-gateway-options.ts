/**
 * How query functions appear behind an agent gateway.
 */
export interface AgentCoreGatewayOptions {
  /**
   * What the names of the targets begin with: 1 to 80 letters and digits, with single hyphens between them. Agents see
   * it in the names of the tools, such as `prometheus-range-query___range_query`. Set it if a gateway has the functions
   * of several workspaces, and has to tell them apart.
   *
   * @default 'prometheus'
   */
  readonly targetNamePrefix?: string;
}
