export class GetSecretValueCommand {
  constructor(input) { this.input = input; }
}

export class SecretsManagerClient {
  async send(command) {
    return { Name: command.input.SecretId, VersionId: "1", SecretString: process.env.TOKEN };
  }
}
