// One call by AWS's own JavaScript client: node call.mjs CreatePool '{"PoolIds": []}'
// Prints the answer or, with "refused", the error as JSON. Where and by whom is in the usual AWS_* variables.
import * as sdk from "@aws-sdk/client-pinpoint-sms-voice-v2";

const [operation, input] = process.argv.slice(2);
const client = new sdk.PinpointSMSVoiceV2Client({ maxAttempts: 1 });
try {
  const answer = await client.send(new sdk[`${operation}Command`](JSON.parse(input)));
  console.log(JSON.stringify(answer));
} catch (error) {
  if (!(error instanceof sdk.PinpointSMSVoiceV2ServiceException)) throw error;
  console.log(JSON.stringify({ refused: error.name, message: error.message, reason: error.Reason }));
}
