"""A case that asks the server through boto3, and is refused to the letter."""
import unittest

from botocore.exceptions import ClientError


class ClientCase(unittest.TestCase):
    maxDiff = None

    def refused(self, code, message, call, /, *given, **arguments):
        """The call is refused with exactly this code and message (None: any). What the client made of the answer."""
        with self.assertRaises(ClientError) as caught:
            call(*given, **arguments)
        response = caught.exception.response
        error = response["Error"]
        self.assertEqual(code, error["Code"], error)
        if message is not None:
            self.assertEqual(message, error.get("Message", ""))
        return response
